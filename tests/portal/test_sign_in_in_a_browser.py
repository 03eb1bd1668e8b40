"""Coming in, in a real browser: by an invitation, with a second factor, in one's own language, without a mouse."""

from __future__ import annotations

import re
import time
from base64 import b32decode
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from talktime.core import one_time_codes as codes
from talktime.core.time import SECOND
from tests.portal.keyboard import reach
from tests.portal.site import Site

pytestmark = pytest.mark.slow

PASSWORD = "moss lantern 47 harbour"


@contextmanager
def somebody(site: Site, browser: Browser) -> Iterator[Page]:
    """Who is not signed in."""
    with site.window(browser, locale="en") as context:
        yield context.new_page()


def invite(site: Site, email: str, role: str) -> str:
    """The link of the letter."""
    body = {"name": "Ida Ingram", "email": email, "roles": [role], "language": "en"}
    told = {"authorization": f"Bearer {site.told['key']}"}
    assert httpx.post(f"{site.url}/v1/members", json=body, headers=told).status_code == 201
    return link_for(Path(site.told["outbox"]), email)


def link_for(outbox: Path, email: str) -> str:
    for _ in range(200):
        for path in outbox.glob("*.eml"):
            letter = message_from_bytes(path.read_bytes(), policy=default)
            plain = letter.get_body(("plain",))
            if (
                letter["To"] == email
                and plain
                and (link := re.search(r"https?://\S+/invitation/\S+", plain.get_content()))
            ):
                return link[0]
        time.sleep(0.1)
    raise AssertionError(f"no letter for {email}")


def accept(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Accept the invitation").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def sign_in(page: Page, email: str, code: str) -> None:
    """With the password, and then this code."""
    page.goto("/sign-in?next=/me")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def code_of(key: str, later: int = 0) -> str:
    """As the app shows it, or so many half minutes later."""
    secret = b32decode(key + "=" * (-len(key) % 8))
    return codes.code_at(secret, int(time.time() * SECOND) // codes.STEP + later)


def test_a_second_factor_is_set_up_and_asked_for(site: Site, chromium: Browser) -> None:
    email = "ida@example.com"
    with somebody(site, chromium) as page:
        accept(page, invite(site, email, "helpdesk"))
        page.goto("/me/second-factor")
        page.get_by_text("It has no camera").click()
        key = page.locator(".spelled").inner_text()
        page.get_by_label("Code").fill(code_of(key))
        page.get_by_role("button", name="Confirm").click()
        recovery = page.locator(".codes code").all_inner_texts()
        assert len(recovery) == codes.RECOVERY_CODES
        page.get_by_role("link", name="I have kept them").click()

        sign_out(page)
        sign_in(page, email, "000000")
        expect(page.locator(".error")).to_be_visible()
        page.get_by_label("Code").fill(code_of(key, later=1))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()

        sign_out(page)
        sign_in(page, email, recovery[0])
        expect(page.get_by_text("9 recovery codes are left")).to_be_visible()


def test_the_helpdesk_sees_no_buttons_and_is_refused(site: Site, chromium: Browser) -> None:
    with somebody(site, chromium) as page:
        accept(page, invite(site, "hugo@example.com", "helpdesk"))
        page.goto("/billing/credits")
        expect(page.get_by_role("heading", level=1)).to_have_text("Communication credits")
        for name in ("Add more funds", "Modify recharge settings", "Auto recharge settings"):
            expect(page.get_by_role("link", name=name)).to_have_count(0)
        assert "POST" not in {
            form.upper() for form in page.locator("main form").evaluate_all("all => all.map(one => one.method)")
        }
        answer = page.goto("/billing/credits/add")
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto("/calls/live")
        expect(page.get_by_role("button", name="Hang up")).to_have_count(0)


def test_a_keyboard_alone_signs_in(site: Site, chromium: Browser) -> None:
    with somebody(site, chromium) as page:
        page.goto("/billing/credits")
        reach(page, "E-mail address")
        page.keyboard.type("ann@example.com")
        reach(page, "Password")
        page.keyboard.type("not this one")
        page.keyboard.press("Enter")
        expect(page.locator(".error")).to_be_visible()
        assert page.get_by_label("E-mail address").input_value() == "ann@example.com"
        reach(page, "Password")
        page.keyboard.type(site.password)
        reach(page, "Sign in")
        page.keyboard.press("Enter")
        page.wait_for_url("**/billing/credits")


def test_the_language_is_chosen_before_signing_in_and_on_ones_own_page(site: Site, chromium: Browser) -> None:
    with somebody(site, chromium) as page:
        page.goto("/sign-in?next=/me")
        page.get_by_role("link", name="Latviešu").click()
        expect(page.locator("html")).to_have_attribute("lang", "lv")
        page.locator("#email").fill("ann@example.com")
        page.locator("#password").fill(site.password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/me")
        expect(page.locator("html")).to_have_attribute("lang", "lv")
        page.locator("#language").select_option("en")
        page.locator("form[action='/me'] button").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
