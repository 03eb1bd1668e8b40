"""Somebody who has no mouse."""

from __future__ import annotations

from playwright.sync_api import Page

LABEL = "(document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText ?? '').trim()"


def tab(page: Page) -> None:
    page.keyboard.press("Tab")


def is_in_the_panel(page: Page) -> bool:
    tab(page)
    return bool(page.evaluate("!!document.activeElement.closest('dialog')"))


def reach(page: Page, name: str) -> None:
    """With the tab key, as often as it takes."""
    for _ in range(80):
        tab(page)
        if page.evaluate(LABEL).replace("\N{NO-BREAK SPACE}", " ") == name:
            return
    raise AssertionError(f"'{name}' is not reached with the tab key")
