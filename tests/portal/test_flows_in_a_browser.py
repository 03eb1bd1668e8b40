"""The flows that matter most, in a real browser against the demonstration."""

from __future__ import annotations

import re
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.keyboard import is_in_the_panel, reach
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


def test_balance_and_calls_move_without_a_reload(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        page.goto(CREDITS)
        held = page.locator(".stat", has_text="Held by calls in progress").locator(".money")
        side = page.locator("#purse-side")
        before, beside = held.inner_text(), side.inner_text()
        expect(held).not_to_have_text(before, timeout=30_000)
        expect(side).not_to_have_text(beside, timeout=30_000)


def test_a_call_in_progress_is_seen_moving(site: Site, chromium: Browser) -> None:
    with site.reader(chromium, locale="en") as page:
        page.goto("/calls/live")
        # Any single call may end while we look.
        running, sums = page.locator("#running tbody"), page.locator("#sums")
        before, added_up = running.inner_text(), sums.inner_text()
        assert page.get_by_role("button", name="Hang up").count() > 0
        expect(running).not_to_have_text(before, timeout=30_000, use_inner_text=True)
        expect(sums).not_to_have_text(added_up, timeout=30_000, use_inner_text=True)


def test_the_language_is_chosen_on_the_page(site: Site, chromium: Browser) -> None:
    with site.reader(chromium, locale="bg-BG") as page:
        page.goto("/language/ru?next=/billing/credits")
        page.wait_for_url(f"**{CREDITS}")
        assert page.locator("html").get_attribute("lang") == "ru"


def test_an_export_is_made_and_fetched(site: Site, chromium: Browser) -> None:
    with site.reader(chromium) as page:
        page.goto("/reports/exports")
        page.get_by_role("button", name="Make the file").click()
        made = page.locator("#made").get_by_role("link", name=re.compile("^Download"))
        # The list freshens itself until it is there.
        expect(made.first).to_be_visible(timeout=30_000)
        with page.expect_download() as fetched:
            made.first.click()
        with ZipFile(fetched.value.path()) as file:
            assert file.testzip() is None
            assert [name for name in file.namelist() if name.endswith(".csv")]


def test_a_price_list_with_a_bad_line_is_refused_and_the_line_named(site: Site, chromium: Browser) -> None:
    with site.reader(chromium, "operator@example.com") as page:
        page.goto("/operator/price-lists")
        page.locator("th a").first.click()
        versions = page.locator("#versions ~ table").inner_text()
        page.get_by_role("link", name="Import a new version").click()
        bad = b"prefix,per_minute\n44,0.02\n33,cheap\n"
        page.get_by_label("CSV file").set_input_files({"name": "prices.csv", "mimeType": "text/csv", "buffer": bad})
        page.get_by_role("button", name="Check and show the changes").click()
        wrong = page.locator(".table-lines tbody tr")
        expect(wrong).to_have_count(1)
        assert wrong.inner_text().startswith("Line 3")
        assert "per_minute" in wrong.inner_text()
        page.get_by_role("link", name="Cancel").click()
        assert page.locator("#versions ~ table").inner_text() == versions


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
