"""Single sign-on as a browser sees it: away to the organization's own server, and back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from talktime.actions import single_sign_on
from talktime.actions.audit import Actor
from talktime.actions.single_sign_on import Wanted, returns_to
from talktime.core.time import SECOND
from talktime.settings import Settings
from tests.portal.client import PASSWORD, PortalWorld, Reader, Shown, number_of
from tests.support.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer
from tests.web.client import Organization
from tests.web.conftest import opened


class Desk:
    """An organization with single sign-on, and somebody with a browser."""

    def __init__(self, portal: PortalWorld, server: OidcServer) -> None:
        self.portal, self.server, self.world = portal, server, portal.world
        self.org = self.world.organization()
        self.begin = f"/sso/{self.org.id}"
        self.set_up(self.org)

    def set_up(self, org: Organization, enforced: bool = False) -> None:
        app, number = self.world.app, number_of(org)
        self.server.redirect_uris.add(returns_to(app.settings.reached_at, number))
        wanted = Wanted(issuer=self.server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, enforced=enforced)
        values = (app.vault, app.identity, number, wanted, Actor("test", app.now()))
        app.database.write(number, single_sign_on.save, *values)

    def is_(self, email: str, **claims: object) -> None:
        self.server.person = {"sub": email, "email": email, "email_verified": True, **claims}

    def member(self, *roles: str, **fields: Any) -> str:
        return self.portal.member(self.org, *roles, **fields)

    def back(self, reader: Reader, path: str = "") -> Shown:
        """There and back again."""
        away = reader.get(path or self.begin)
        told = self.server.visited(away.to)
        back = urlsplit(self.server.authorized[-1]["redirect_uri"]).path
        return reader.get(f"{back}?{urlencode(told)}")

    def letters(self) -> list[str]:
        """What has come by mail."""
        app = self.world.app
        app.deliver("email", lambda: False)
        return [_text(path) for path in sorted(app.settings.outbox.glob("*.eml"))]


def _text(path: Path) -> str:
    message = message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_body(("plain",))
    assert body
    return f"{message['subject']}\n{body.get_content()}"


@pytest.fixture
def desk(empty_data: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(empty_data, tmp_path / "data")
    with opened(Settings(data=tmp_path / "data", sso_to_internal=True)) as world:
        portal = PortalWorld(world)
        with OidcServer(lambda: world.clock() // SECOND) as server:
            yield Desk(portal, server)
        portal.close()


def test_somebody_is_signed_in_and_is_where_he_wanted_to_be(desk: Desk) -> None:
    desk.member("helpdesk")
    desk.is_("helpdesk@example.com")
    reader = desk.portal.nobody()
    assert desk.back(reader, f"{desk.begin}?next=/rates").to == "/rates"
    assert "Ann Archer" in reader.get("/me").words


@pytest.mark.parametrize("next_", ["https://example.org/", "//example.org", "/\\example.org", "rates", ""])
def test_nobody_is_led_elsewhere_afterwards(desk: Desk, next_: str) -> None:
    desk.member("helpdesk")
    desk.is_("helpdesk@example.com")
    assert desk.back(desk.portal.nobody(), f"{desk.begin}?{urlencode({'next': next_})}").to == "/"


def test_what_the_browser_keeps_meanwhile_is_for_nobody_to_read(desk: Desk) -> None:
    reader = desk.portal.nobody()
    away = reader.get(desk.begin)
    cookie = away.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Max-Age=600" in cookie
    told = desk.server.visited(away.to)
    assert told["state"] not in cookie and CLIENT_SECRET not in cookie
    assert "Secure" not in cookie and away.to.startswith(desk.server.issuer)


def test_an_answer_in_another_browser_signs_nobody_in(desk: Desk) -> None:
    """Somebody is sent a link that would sign him in to somebody else's account."""
    desk.member("helpdesk")
    desk.is_("helpdesk@example.com")
    told = desk.server.visited(desk.portal.nobody().get(desk.begin).to)
    for reader in (desk.portal.nobody(), Reader(desk.portal, "nonsense")):
        shown = reader.get(f"{desk.begin}/callback?{urlencode(told)}")
        assert (shown.status, shown.title) == (403, "You are not signed in")
        assert "begun in another browser" in shown.words
        assert desk.begin in shown.links
        assert reader.get("/me").to.startswith("/sign-in")


def test_who_comes_back_twice_is_signed_in_once(desk: Desk) -> None:
    desk.member("helpdesk")
    desk.is_("helpdesk@example.com")
    reader = desk.portal.nobody()
    told = desk.server.visited(reader.get(desk.begin).to)
    kept = dict(reader.cookies)
    assert reader.get(f"{desk.begin}/callback?{urlencode(told)}").to == "/"
    reader.cookies = kept
    assert reader.get(f"{desk.begin}/callback?{urlencode(told)}").status == 403


def test_a_stranger_is_told_whom_to_ask(desk: Desk) -> None:
    desk.is_("stranger@example.com")
    shown = desk.back(desk.portal.nobody())
    assert shown.status == 403
    assert "Ask an administrator of your organization" in shown.words
    assert f"{desk.begin}?again=1" in shown.links, "he may have another account there"


@pytest.mark.parametrize("query", ["", "?state=x", "?code=x", "?error=access_denied", "?state=%C3%A9&code=x&iss=y"])
def test_whatever_comes_back_is_answered_in_words(desk: Desk, query: str) -> None:
    for path in (desk.begin, "/sso/org_0", "/sso/org_ffff", "/sso/x", "/sso/by-mail"):
        for reader in (desk.portal.nobody(), desk.portal.nobody("ru")):
            reader.cookies["talktime_sso"] = "x"
            shown = reader.get(f"{path}/callback{query}")
            assert shown.status in (303, 403), path
            assert shown.status == 303 or shown.errors


def test_where_there_is_no_single_sign_on_nothing_tells_whether_there_is_an_organization(desk: Desk) -> None:
    other = desk.world.organization()
    told = []
    for name in (other.id, "org_ffff", "org_0", "nonsense", "org_" + "f" * 40):
        shown = desk.portal.nobody().get(f"/sso/{name}")
        told.append((shown.status, shown.title, shown.errors))
    assert set(map(str, told)) == {str((403, "You are not signed in", ["Single sign-on is not set up here."]))}


def test_a_server_that_is_down_is_told_in_the_readers_language(desk: Desk) -> None:
    desk.server.is_down = True
    shown = desk.portal.nobody().get(desk.begin)
    assert (shown.status, shown.errors) == (
        403,
        ["Your organization's sign-in server does not answer. Try again in a while."],
    )


# ---------------------------------------------------------------- the way by mail


def test_who_knows_his_address_alone_gets_the_way_by_mail(desk: Desk) -> None:
    desk.member("helpdesk")
    desk.is_("helpdesk@example.com")
    reader = desk.portal.nobody()
    shown = reader.submit("/sso", "/sso", email="Helpdesk@example.com")
    assert shown.title == "Look into your mailbox"
    letter = next(one for one in desk.letters() if one.startswith("Your way to sign in"))
    link = next(word for word in letter.split() if "/sso/by-mail/" in word)
    assert reader.get(urlsplit(link).path).to == desk.begin
    assert desk.back(reader).to == "/"


def test_the_answer_is_the_same_whether_somebody_is_there_or_not(desk: Desk) -> None:
    """Also for members of an organization without single sign-on."""
    desk.member("helpdesk")
    desk.portal.member(desk.world.organization(), "report_reader")
    said = []
    for email in ("helpdesk@example.com", "report_reader@example.com", "nobody@example.com"):
        shown = desk.portal.nobody().submit("/sso", "/sso", email=email)
        said.append((shown.status, shown.words.replace(email, "…")))
    assert len(set(said)) == 1
    assert len([one for one in desk.letters() if one.startswith("Your way to sign in")]) == 1


def test_nobody_fills_somebody_elses_mailbox(desk: Desk) -> None:
    desk.member("helpdesk")
    reader = desk.portal.nobody()
    told = [reader.submit("/sso", "/sso", email="helpdesk@example.com").status for _ in range(11)]
    assert told == [200] * 10 + [429]
    assert len([one for one in desk.letters() if one.startswith("Your way to sign in")]) == 1


def test_what_is_no_address_is_said_beside_the_field(desk: Desk) -> None:
    shown = desk.portal.nobody().submit("/sso", "/sso", email="helpdesk")
    assert (shown.status, shown.errors) == (422, ["This is no e-mail address."])


def test_who_was_here_before_begins_with_one_press(desk: Desk) -> None:
    desk.member("helpdesk")
    desk.is_("helpdesk@example.com")
    reader = desk.portal.nobody()
    assert f"{desk.begin}?next=/" not in reader.get("/sso").links
    desk.back(reader)
    assert f"{desk.begin}?next=/rates" in reader.get("/sso?next=/rates").links


# ---------------------------------------------------------------- beside passwords


def test_who_has_forgotten_a_password_that_opens_nothing_is_told_where_to_go(desk: Desk) -> None:
    desk.member("helpdesk")
    desk.member("global_administrator")
    desk.set_up(desk.org, enforced=True)
    for role in ("helpdesk", "global_administrator"):
        shown = desk.portal.nobody().submit("/password/forgot", "/password/forgot", email=f"{role}@example.com")
        assert shown.status == 200
    subjects = sorted(letter.split(" \N{EN DASH} ")[0] for letter in desk.letters())
    assert subjects.count("Your way to sign in") == subjects.count("A new password") == 1


def test_where_it_is_enforced_the_sign_in_page_leads_there(desk: Desk) -> None:
    desk.member("helpdesk")
    desk.set_up(desk.org, enforced=True)
    reader = desk.portal.nobody()
    shown = reader.submit("/sign-in?next=/rates", "/sign-in", email="helpdesk@example.com", password=PASSWORD)
    assert shown.status == 403
    assert "choose single sign-on" in shown.errors[0]
    assert f"{desk.begin}?next=/rates" in shown.links
    assert reader.get("/me").to.startswith("/sign-in")


def test_whoever_chooses_an_organization_where_it_is_enforced_is_shown_the_way(desk: Desk) -> None:
    """Browsers follow no form of ours to another server."""
    for org in (desk.org, desk.world.organization(name="Other Ltd")):
        desk.portal.member(org, "helpdesk")
    desk.set_up(desk.org, enforced=True)
    page = desk.portal.nobody().submit("/sign-in", "/sign-in", email="helpdesk@example.com", password=PASSWORD)
    chosen = [form for form in page.forms if form.action == "/sign-in/choose"]
    shown = {one.status: one for one in (desk.portal.nobody().send(form.action, form.values) for form in chosen)}
    assert sorted(shown) == [303, 403]
    assert f"{desk.begin}?next=/" in shown[403].links


def test_before_something_that_matters_the_other_server_asks_again(desk: Desk) -> None:
    desk.member("global_administrator")
    desk.is_("global_administrator@example.com", amr=["mfa"])
    reader = desk.portal.nobody()
    desk.back(reader)
    again = reader.get("/me/second-factor").to
    link = next(one for one in reader.get(again).links if one.startswith(f"{desk.begin}?again=1"))
    assert desk.back(reader, link).to == "/me/second-factor"
    assert desk.server.authorized[-1]["prompt"] == "login"
    assert reader.get("/me/second-factor").status == 200


def test_where_it_is_enforced_the_password_proves_nothing_later_either(desk: Desk) -> None:
    desk.member("billing_administrator")
    desk.set_up(desk.org, enforced=True)
    desk.is_("billing_administrator@example.com", amr=["mfa"])
    reader = desk.portal.nobody()
    desk.back(reader)
    shown = reader.get("/sign-in/again?next=/me")
    assert shown.forms == []
    assert f"{desk.begin}?again=1&next=/me" in shown.links
    token = reader.get("/me").form("/me").values["token"]
    assert reader.send("/sign-in/again", {"token": token, "password": PASSWORD}).status == 403


def test_the_session_of_before_is_over(desk: Desk) -> None:
    desk.member("helpdesk")
    desk.is_("helpdesk@example.com")
    reader = desk.portal.nobody()
    desk.back(reader)
    before = Reader(desk.portal, reader.cookies["talktime"])
    desk.back(reader)
    assert before.get("/me").to.startswith("/sign-in")
    assert reader.get("/me").status == 200


def test_who_must_have_a_second_factor_sets_it_up_first(desk: Desk) -> None:
    desk.member("billing_administrator")
    desk.is_("billing_administrator@example.com", auth_time=desk.server.clock())
    reader = desk.portal.nobody()
    desk.back(reader)
    assert reader.get("/billing/credits").to == "/me/second-factor"
    assert reader.get("/me/second-factor").status == 200
