"""The scripts in a real browser, under the policy that the portal has. Every page works without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal import drawn
from tests.support.browser import complaints, site

pytestmark = pytest.mark.slow

STATIC = files("talktime.portal") / "static"

PAY = '<form method="post" action="/pay"><input name="method"><button name="go" value="1">Pay</button></form>'
WRONG = '<input id="first"><input id="second" aria-invalid="true"><input aria-invalid="true">'
PANEL = """
  <a href="/elsewhere">Behind</a><div class="scrim"></div>
  <dialog class="panel" open aria-label="Settings"><a href="/closed" data-close>Close</a><input id="amount"></dialog>
"""
OPENED = '<a id="open" href="/settings" data-opens="settings">Open</a><dialog id="settings"><input></dialog>'
THEMES = '<form method="post" action="/theme" data-theme-choice><button name="theme" value="dark">Dark</button></form>'
SECRET = '<code id="secret">whsec_1</code><button hidden data-copy="#secret" data-copied="Copied">Copy</button>'
LIVE = '<p id="live" hx-get="/live" hx-trigger="every 50ms, seen">Waiting</p>'
TOAST = '<div class="toast tone-ok" role="status">Saved</div><div id="rest"></div>'
BROUGHT = '<a id="open" href="/panel" hx-get="/part" hx-target="#panels">Open</a><div id="panels" data-panels></div>'
BODIES = {
    "/pay-page": PAY,
    "/wrong": WRONG,
    "/panel": PANEL,
    "/opened": OPENED,
    "/brought": BROUGHT,
    "/themes": THEMES,
    "/secret": SECRET,
    "/polled": LIVE,
    "/toast": TOAST,
}
PARTS = {"/live": "Live", "/part": PANEL}

OVERLAP = """field => {
    const [one, other] = ["canvas", ".chart-plot"].map((what) => field.querySelector(what).getBoundingClientRect());
    return Math.max(...["x", "y", "width", "height"].map((side) => Math.abs(one[side] - other[side])));
}"""


class Shop:
    """Answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, method: str, path: str) -> bytes | None:
        file = STATIC / path.removeprefix("/")
        if file.is_file():
            return file.read_bytes()
        self.asked.append((method, path))
        return (PARTS.get(path) or drawn.page(BODIES.get(path, ""))).encode()

    def count(self, method: str, path: str) -> int:
        return self.asked.count((method, path))


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def page(chromium: Browser, shop: Shop) -> Iterator[Page]:
    """Whatever a test does, the browser has nothing to complain of."""
    with site(shop) as address:
        page = chromium.new_page(base_url=address)
        heard = complaints(page)
        yield page
        page.context.close()
    assert heard == []


def test_a_chart_says_its_figures_to_the_keyboard(page: Page) -> None:
    page.goto("/")
    chart = page.get_by_role("slider", name="Cost per day")
    chart.focus()
    chart.press("Home")
    expect(chart).to_have_attribute(
        "aria-valuetext", 'Nov 18 <"&>, International USD 2.00, Meetings USD 1.00, Cost USD 3.00'
    )
    tip = page.locator(".chart-tip:visible")
    expect(tip).to_have_text('Nov 18 <"&>InternationalUSD 2.00MeetingsUSD 1.00CostUSD 3.00')
    chart.press("ArrowRight")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    chart.press("Escape")
    expect(tip).to_have_count(0)


def test_a_chart_says_its_figures_to_the_pointer(page: Page) -> None:
    page.goto("/")
    chart = page.get_by_role("slider", name="Daily consumption")
    box = chart.bounding_box()
    assert box is not None
    chart.hover(position={"x": box["width"] * 0.38, "y": 20})
    expect(page.locator(".chart-tip:visible b")).to_have_text("Nov 14")


def test_a_live_chart_stands_exactly_where_the_drawn_one_stood(page: Page) -> None:
    page.goto("/")
    for chart in page.locator(".chart-field").all():
        assert chart.locator(".chart-live").bounding_box() == chart.locator(".chart-plot").bounding_box()
        assert chart.evaluate(OVERLAP) < 1


def test_a_live_chart_follows_the_width_of_the_page_and_the_colours_of_the_system(page: Page) -> None:
    page.goto("/")
    canvas = page.locator(".chart-live canvas").first
    light = canvas.evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    _soon(page, lambda: canvas.evaluate("canvas => canvas.toDataURL()") != light)
    page.set_viewport_size({"width": 390, "height": 800})
    _soon(page, lambda: canvas.evaluate("canvas => canvas.getBoundingClientRect().width < 390"))


def test_a_double_click_is_one_payment(page: Page, shop: Shop) -> None:
    page.goto("/pay-page")
    page.evaluate("document.querySelector('button').click(); document.querySelector('button').click()")
    page.wait_for_url("**/pay")
    assert shop.count("POST", "/pay") == 1


def test_a_sent_form_can_be_sent_again_after_going_back(page: Page, shop: Shop) -> None:
    page.goto("/pay-page")
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/pay")
    page.go_back()
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/pay")
    assert shop.count("POST", "/pay") == 2


def test_the_first_field_with_an_error_has_the_focus(page: Page) -> None:
    page.goto("/wrong")
    expect(page.locator("#second")).to_be_focused()


def test_a_panel_keeps_the_focus_and_escape_follows_its_way_out(page: Page) -> None:
    page.goto("/panel")
    expect(page.locator("dialog:modal")).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
        assert not page.evaluate("document.activeElement.matches('main > a')")
    page.keyboard.press("Escape")
    page.wait_for_url("**/closed")


def test_a_dialog_of_the_page_opens_and_closes_where_it_is(page: Page) -> None:
    page.goto("/opened")
    page.locator("#open").click()
    expect(page.locator("dialog:modal")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#settings")).to_be_hidden()
    expect(page.locator("#open")).to_be_focused()


def test_a_panel_that_was_brought_goes_away_where_it_is(page: Page) -> None:
    page.goto("/brought")
    page.locator("#open").click()
    expect(page.locator("dialog:modal")).to_be_visible()
    page.get_by_role("link", name="Close").click()
    expect(page.locator("dialog")).to_have_count(0)
    assert page.url.endswith("/brought")


def test_a_theme_is_there_at_once_and_the_server_is_told(page: Page, shop: Shop) -> None:
    page.goto("/themes")
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_be_enabled()
    assert shop.count("POST", "/theme") == 1


def test_a_secret_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/secret")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "whsec_1"


def test_a_hidden_page_asks_for_nothing_until_it_is_seen_again(page: Page, shop: Shop) -> None:
    page.goto("/polled")
    expect(page.locator("#live")).to_have_text("Live")
    _show(page, hidden=True)
    asked = shop.count("GET", "/live")
    page.wait_for_timeout(250)
    assert shop.count("GET", "/live") - asked <= 1
    with page.expect_response("**/live"):
        _show(page, hidden=False)


def test_a_toast_of_the_server_is_read_aloud_and_goes_when_it_is_clicked(page: Page) -> None:
    page.goto("/toast")
    toast = page.get_by_role("status").get_by_text("Saved")
    toast.click()
    expect(toast).to_have_count(0)


def test_a_part_of_a_page_may_bring_a_toast(page: Page) -> None:
    page.goto("/toast")
    page.evaluate("htmx.trigger('#rest', 'toast', { text: 'Not saved', tone: 'danger' })")
    expect(page.get_by_role("status")).to_have_text("Not saved")


def test_without_scripts_there_are_the_drawing_and_the_table(chromium: Browser, shop: Shop) -> None:
    with site(shop) as address, chromium.new_context(java_script_enabled=False, base_url=address) as context:
        page = context.new_page()
        page.goto("/")
        chart = page.get_by_role("figure", name="Daily consumption")
        expect(chart.get_by_role("img")).to_be_visible()
        chart.get_by_text("Show as table").click()
        expect(chart.get_by_role("row")).to_have_count(11)


def _soon(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(50)
    pytest.fail("it never held")


def _show(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
