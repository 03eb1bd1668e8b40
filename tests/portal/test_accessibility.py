"""WCAG 2.2 AA as far as a program can tell: axe-core in a real browser on every page, in light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from talktime.portal.table import PAGES
from tests.portal.site import Site, opened
from tests.support.browser import complaints

pytestmark = pytest.mark.slow

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"runOnly": ["color-contrast"]}
FILES = (".csv", "/download", "/now", "/part", "/story", "/export")
PATHS = sorted(
    page.path
    for page in PAGES
    if not page.public and not page.changes and "{" not in page.path and not page.path.endswith(FILES)
)
BEFORE = ("/sign-in", "/sso", "/password/forgot", "/invitation/nobodys")
OF_THE_OPERATOR = "operator@example.com"


def owner_of(path: str) -> str:
    return OF_THE_OPERATOR if path.startswith("/operator") else "ann@example.com"


@pytest.mark.parametrize("owner", ["ann@example.com", OF_THE_OPERATOR])
def test_axe_finds_nothing_on_any_page_in_light_and_dark(site: Site, chromium: Browser, owner: str) -> None:
    found: list[str] = []
    with site.reader(chromium, owner, color_scheme="light") as page:
        heard = complaints(page)
        for path in [path for path in PATHS if owner_of(path) == owner]:
            page.emulate_media(color_scheme="light")
            opened(page, path)
            found += [f"{path}: {one}" for one in violations(page, RULES)]
            page.emulate_media(color_scheme="dark")
            found += [f"{path} (dark): {one}" for one in violations(page, COLOURS)]
            found += [f"{path}: {one}" for one in heard]
            heard.clear()
    assert found == []


def test_axe_finds_nothing_before_signing_in(site: Site, chromium: Browser) -> None:
    found: list[str] = []
    with site.window(chromium, color_scheme="light") as context:
        page = context.new_page()
        for path in BEFORE:
            page.emulate_media(color_scheme="light")
            page.goto(path)
            found += [f"{path}: {one}" for one in violations(page, RULES)]
            page.emulate_media(color_scheme="dark")
            found += [f"{path} (dark): {one}" for one in violations(page, COLOURS)]
        page.goto("/sign-in")
        page.fill("#email", "nobody@example.com")
        page.fill("#password", "something else")
        page.click("form button[type=submit]")
        page.wait_for_selector(".field-wrong")
        found += [f"with an error: {one}" for one in violations(page, RULES)]
    assert found == []


def test_what_is_wrong_is_found(site: Site, chromium: Browser) -> None:
    """A check that cannot fail would be none."""
    with site.reader(chromium, color_scheme="light") as page:
        page.goto("/billing/credits")
        assert page.locator("h1").inner_text() == "Communication credits"
        page.evaluate(
            "document.querySelector('label').remove(); document.querySelector('h1').innerHTML = '<img src=x>'"
        )
        assert {one.split()[0] for one in violations(page, RULES)} >= {"image-alt", "label"}
        page.emulate_media(color_scheme="dark")
        page.evaluate("document.querySelector('h2').id = 'pale'")
        page.evaluate("document.styleSheets[0].insertRule('#pale { color: #223333 }')")
        assert {one.split()[0] for one in violations(page, COLOURS)} == {"color-contrast"}


def violations(page: Page, options: Any) -> list[str]:
    answer = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']} {node['html'][:200]} {node['failureSummary'][:300]}" for one in answer for node in one["nodes"]
    ]


def test_nothing_scrolls_sideways_on_a_phone(site: Site, chromium: Browser) -> None:
    wide: list[tuple[str, int]] = []
    for owner in ("ann@example.com", OF_THE_OPERATOR):
        with site.reader(chromium, owner, width=390) as page:
            for path in [path for path in PATHS if owner_of(path) == owner]:
                opened(page, path)
                width = page.evaluate("document.documentElement.scrollWidth")
                wide += [(path, width)] if width > 390 else []
    assert wide == []
