"""The flows that matter most, in a real browser against the demonstration."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.site import Site

pytestmark = pytest.mark.slow

CREDITS, OPTIONS = "/billing/credits", "/billing/payment-options"
GOOD, DECLINES, ASKS = "4242", "9995", "3184"


def balance(page: Page) -> float:
    text = page.locator(".stat", has_text="Balance").first.locator(".money").inner_text()
    return float(re.sub(r"[^0-9.]", "", text))


def add_card(page: Page, number: str) -> None:
    page.goto(OPTIONS)
    page.get_by_role("button", name="Add a card").click()
    page.get_by_label("Card number").fill(number)
    page.get_by_role("button", name="Save the card").click()
    page.wait_for_url("**/cards/**")


def add_funds(page: Page, amount: str, card: str) -> None:
    """Up to the last step."""
    page.goto(f"{CREDITS}/add")
    page.get_by_label("Amount", exact=True).fill(amount)
    page.get_by_role("radio", name=re.compile(card)).check()
    page.get_by_role("button", name="Continue").click()


def test_funds_are_added_with_a_good_card(site: Site, chromium: Browser) -> None:
    with site.reader(chromium, "gina@example.com", locale="en") as page:
        page.context.add_cookies([{"name": "talktime_language", "value": "en", "url": site.url}])
        page.goto(CREDITS)
        before = balance(page)
        add_funds(page, "55", GOOD)
        expect(page.get_by_role("heading", name="Pay USD 55.00 now?")).to_be_visible()
        # Somebody presses twice.
        page.get_by_role("button", name="Pay USD 55.00").dblclick()
        expect(page.get_by_text("The funds are added.")).to_be_visible()
        assert 50 < balance(page) - before <= 55
        page.goto(f"{CREDITS}?tab=top-ups")
        assert page.locator("tr", has_text="+55.00").count() == 1


def test_a_declined_card_says_why_and_takes_nothing(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        add_funds(page, "56", DECLINES)
        page.get_by_role("button", name="Pay USD 56.00").click()
        expect(page.get_by_role("alert")).to_have_text("The card had no funds left.")
        page.goto(f"{CREDITS}?tab=top-ups")
        assert page.locator("tr", has_text="+56.00").count() == 0


def test_a_bank_that_asks_is_answered_and_a_reload_meanwhile_shows_it_pending(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        add_card(page, "4000002760003184")
        add_funds(page, "57", ASKS)
        page.get_by_role("button", name="Pay USD 57.00").click()
        page.wait_for_url("**/simulator/authenticate/**")
        bank = page.url
        page.goto(CREDITS)
        pending = page.locator(".stat", has_text="Pending top-up")
        expect(pending).to_contain_text("457.00")
        page.reload()
        expect(pending).to_contain_text("457.00")
        page.goto(bank)
        page.get_by_role("button", name="Yes, it is me").click()
        page.goto(f"{CREDITS}?tab=top-ups")
        expect(page.locator("tr", has_text="+57.00")).to_have_count(1)


def test_recharge_settings_warn_before_they_charge(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        page.goto(CREDITS)
        page.get_by_role("link", name="Modify recharge settings").click()
        panel = page.get_by_role("dialog")
        expect(panel).to_be_visible()
        panel.get_by_label("When the balance falls below").fill("9000")
        panel.get_by_label("Recharge amount").fill("9000")
        panel.get_by_label(re.compile("^Monthly limit")).fill("20000")
        panel.get_by_role("button", name="Save changes").click()
        expect(page.get_by_role("button", name="Save changes and charge USD 9,000.00")).to_be_visible()
        expect(page.get_by_text("The balance is already below the trigger")).to_be_visible()
        page.keyboard.press("Escape")
        page.wait_for_url(f"**{CREDITS}")
        expect(page.locator(".sentence")).to_contain_text("falls below USD 100.00")


def test_a_keyboard_alone_adds_funds(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        page.goto(CREDITS)
        reach(page, "Add more funds")
        page.keyboard.press("Enter")
        page.wait_for_url("**/add")
        reach(page, "Amount")
        page.keyboard.press("Control+a")
        page.keyboard.type("58")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Pay USD 58.00 now?")).to_be_visible()
        reach(page, "Pay USD 58.00")
        page.keyboard.press("Enter")
        expect(page.get_by_text("The funds are added.")).to_be_visible()


def test_a_keyboard_alone_opens_and_leaves_the_recharge_panel(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        page.goto(CREDITS)
        reach(page, "Modify recharge settings")
        page.keyboard.press("Enter")
        page.wait_for_url("**/recharge")
        reach(page, "Recharge amount")
        seen = [is_in_the_panel(page) for _ in range(12)]
        # From its last field the way leads to its first, or to the browser itself, never behind the panel.
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
        assert any(seen)
        page.keyboard.press("Escape")
        page.wait_for_url(f"**{CREDITS}")


def tab(page: Page) -> None:
    page.keyboard.press("Tab")


def is_in_the_panel(page: Page) -> bool:
    tab(page)
    return bool(page.evaluate("!!document.activeElement.closest('dialog')"))


def reach(page: Page, name: str) -> None:
    """With the tab key, as often as it takes."""
    for _ in range(80):
        tab(page)
        label = page.evaluate(
            "(document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText ?? '').trim()"
        )
        if label.replace("\N{NO-BREAK SPACE}", " ") == name:
            return
    raise AssertionError(f"'{name}' is not reached with the tab key")


def test_balance_and_calls_move_without_a_reload(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        page.goto(CREDITS)
        held = page.locator(".stat", has_text="Held by calls in progress").locator(".money")
        side = page.locator("#purse-side")
        before, beside = held.inner_text(), side.inner_text()
        expect(held).not_to_have_text(before, timeout=30_000)
        expect(side).not_to_have_text(beside, timeout=30_000)


def test_the_language_is_chosen_on_the_page(site: Site, chromium: Browser) -> None:
    with site.reader(chromium, locale="bg-BG") as page:
        page.goto("/language/ru?next=/billing/credits")
        page.wait_for_url(f"**{CREDITS}")
        assert page.locator("html").get_attribute("lang") == "ru"


def test_no_layout_shifts_and_no_other_host_is_asked(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        hosts: set[str] = set()
        sizes: list[int] = []
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.on("response", lambda response: sizes.append(len(response.body())))
        page.goto(CREDITS)
        page.wait_for_load_state("networkidle")
        shift = page.evaluate(
            "new Promise(done => { let sum = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
            " sum += one.value; }).observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 500) })"
        )
        print(f"page weight {sum(sizes)} bytes in {len(sizes)} answers, layout shift {shift}")
        assert hosts == {site.url.split("/")[2]}
        assert sum(sizes) <= 300_000
        assert shift == 0
