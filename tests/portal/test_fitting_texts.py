"""The longest languages on a wide screen and on a phone: nothing is cut, nothing scrolls sideways."""

from __future__ import annotations

from itertools import product

import pytest
from playwright.sync_api import Browser, Page

from tests.portal.site import Site

pytestmark = pytest.mark.slow

LONGEST = ("ru", "bg")
PATHS = {
    "ann@example.com": (
        *("/", "/billing/products", "/billing/credits", "/billing/credits/add", "/billing/credits/recharge"),
        *("/billing/payment-options", "/calls/live", "/reports/usage", "/users/list", "/numbers", "/settings/members"),
    ),
    "operator@example.com": (
        "/operator/organizations",
        "/operator/price-lists",
        "/operator/providers",
        "/operator/system",
    ),
}
WIDTHS = (390, 1360)
# On a phone the heads of tables are for screen readers alone.
CUT = """() => [...document.querySelectorAll('.button, .nav a, .badge, th, .stat dt, .stat dd, h1, h2, label')]
    .filter(one => one.checkVisibility() && !one.closest('.vh') && !(innerWidth < 600 && one.closest('thead')))
    .filter(one => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1)
    .map(one => `${one.tagName} "${one.innerText.slice(0, 60)}" ${one.scrollWidth} in ${one.clientWidth}`)
"""


def cut_on(page: Page, width: int) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [*page.evaluate(CUT), *([f"the page is {wide} wide"] if wide > width else [])]


def test_no_text_of_the_longest_languages_is_cut(site: Site, chromium: Browser) -> None:
    cut: list[str] = []
    for email, paths in PATHS.items():
        with site.reader(chromium, email) as page:
            for language, path in product(LONGEST, paths):
                page.context.add_cookies([{"name": "talktime_language", "value": language, "url": site.url}])
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 900})
                    if width == WIDTHS[0]:
                        page.goto(path, wait_until="domcontentloaded")
                    cut += [f"{language} {path} at {width}: {one}" for one in cut_on(page, width)]
    assert cut == []


def test_a_text_that_is_cut_is_found(site: Site, chromium: Browser) -> None:
    """A check that cannot fail would be none."""
    with site.reader(chromium, width=390) as page:
        page.goto("/billing/credits")
        page.evaluate("document.styleSheets[0].insertRule('h2 { width: 20px; overflow: hidden; white-space: nowrap }')")
        assert any(one.startswith("H2") for one in page.evaluate(CUT))
        page.evaluate("document.styleSheets[0].insertRule('main { min-width: 900px }')")
        assert any(one.startswith("the page is") for one in cut_on(page, 390))
