"""Signing in, by the pages: who comes in, who does not, and what is said."""

from __future__ import annotations

import re
from base64 import b32decode

import pytest

from talktime.actions.second_factor import enrol, enrolment
from talktime.actions.sessions import find
from talktime.core import one_time_codes as codes
from talktime.core.ids import org_number
from talktime.portal.account.ways import next_of
from tests.portal.client import PASSWORD, PortalWorld, Reader
from tests.web.client import Organization

BACK = "/billing/credits"


class House:
    """An organization and its door."""

    def __init__(self, portal: PortalWorld) -> None:
        self.portal, self.world = portal, portal.world
        self.org: Organization = portal.world.organization()
        self.reader = portal.nobody()

    @property
    def org_id(self) -> int:
        found = org_number(self.org.id)
        assert found is not None
        return found

    def sign_in(self, email: str, password: str = PASSWORD, next: str = "/") -> tuple[int, str]:
        """The status, and where it leads or what is wrong."""
        answer = self.reader.submit(f"/sign-in?next={next}", "/sign-in", email=email, password=password)
        return answer.status, answer.to if answer.status == 303 else " ".join(answer.errors)

    def enrolled(self, reader: Reader) -> tuple[bytes, list[str]]:
        """Has a second factor from now on: its secret, and the recovery codes."""
        app, now = self.world.app, self.world.clock()
        session = find(app.database, reader.cookies["talktime"], now)
        assert session is not None
        told = app.database.read(self.org_id, enrolment, app.vault, session, "Talktime")
        secret = secret_of(told.spelled)
        code = codes.code_at(secret, now // codes.STEP)
        return secret, list(app.database.write(self.org_id, enrol, app.vault, session, code, now))

    def code(self, secret: bytes) -> str:
        return codes.code_at(secret, self.world.clock() // codes.STEP)


def secret_of(spelled: str) -> bytes:
    return b32decode(spelled + "=" * (-len(spelled) % 8))


@pytest.fixture
def house(portal: PortalWorld) -> House:
    return House(portal)


def test_whoever_has_the_password_comes_in_and_goes_where_he_wanted(house: House) -> None:
    house.portal.member(house.org, "helpdesk")
    assert house.reader.get(BACK).to == f"/sign-in?next={BACK.replace('/', '%2F')}"
    assert house.sign_in("helpdesk@example.com", next=BACK) == (303, BACK)
    assert house.reader.get("/me").title == "Your account"


def test_a_wrong_password_and_an_unknown_address_read_the_same(house: House) -> None:
    house.portal.member(house.org, "helpdesk")
    wrong = house.sign_in("helpdesk@example.com", "something else")
    unknown = house.sign_in("nobody@example.com", "something else")
    assert wrong == unknown == (401, "The e-mail address or the password is wrong.")


def test_after_too_many_attempts_it_is_said_how_long_to_wait(house: House) -> None:
    for _ in range(10):
        house.sign_in("ann@example.com", "guess")
    assert house.sign_in("ann@example.com", "guess") == (
        429,
        "That was tried too often. Try again in 15 minutes.",
    )


def test_a_form_of_somebody_else_signs_nobody_in(house: House) -> None:
    house.portal.member(house.org, "helpdesk")
    values = house.reader.get("/sign-in").form("/sign-in").values
    filled = {**values, "email": "helpdesk@example.com", "password": PASSWORD}
    assert house.reader.send("/sign-in", filled, origin="https://elsewhere.example").status == 403
    assert house.reader.send("/sign-in", {**filled, "token": "guessed"}).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "//elsewhere.example",
        "https://elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "",
        "/a\tb",
        "me",
    ],
)
def test_signing_in_leads_to_no_page_of_somebody_else(path: str) -> None:
    assert next_of(path) == "/"


def test_signing_in_leads_to_pages_of_ours() -> None:
    assert next_of("/billing/credits?filter=top-ups#now") == "/billing/credits?filter=top-ups#now"


def test_who_belongs_to_two_organizations_chooses_one(house: House) -> None:
    other = house.world.organization(name="Other Ltd")
    for org in (house.org, other):
        house.portal.member(org, "helpdesk")
    page = house.reader.submit("/sign-in", "/sign-in", email="helpdesk@example.com", password=PASSWORD)
    assert (page.status, page.title) == (200, "Choose an organization")
    assert "Other Ltd" in page.words
    chosen = page.form("/sign-in/choose")
    assert house.reader.send(chosen.action, chosen.values).to == "/"
    assert house.reader.get("/me").status == 200
    assert house.reader.send(chosen.action, chosen.values).status == 403, "the form is of somebody who is not signed in"


def test_signing_out_ends_the_session_and_not_only_the_cookie(house: House) -> None:
    house.portal.member(house.org, "helpdesk")
    house.sign_in("helpdesk@example.com")
    cookie = house.reader.cookies["talktime"]
    assert house.reader.submit("/me", "/sign-out").to == "/sign-in?said=signed-out"
    assert Reader(house.portal, cookie).get("/me").to.startswith("/sign-in?next=")


def test_the_cookie_is_for_no_script_and_no_other_site(house: House) -> None:
    house.portal.member(house.org, "helpdesk")
    values = house.reader.get("/sign-in").form("/sign-in").values
    filled = {**values, "email": "helpdesk@example.com", "password": PASSWORD}
    told = house.reader.send("/sign-in", filled).headers.get_list("set-cookie")
    assert [one for one in told if one.startswith("talktime=") and "HttpOnly" in one and "SameSite=Lax" in one]


def test_a_language_is_chosen_before_signing_in(house: House) -> None:
    assert house.reader.get("/language/sl?next=/sign-in").to == "/sign-in"
    assert house.reader.cookies["talktime_language"] == "sl"
    assert house.reader.get("/language/xx?next=//elsewhere.example").to == "/"
    assert house.reader.cookies["talktime_language"] == "sl"


def test_the_code_is_asked_for_after_the_password(house: House) -> None:
    secret, _ = house.enrolled(house.portal.as_role(house.org, "helpdesk"))
    house.world.clock.pass_seconds(60)
    assert house.sign_in("helpdesk@example.com", next="/me") == (303, "/sign-in/code?next=%2Fme")
    wrong = house.reader.submit("/sign-in/code?next=/me", "/sign-in/code", code="000000")
    assert (wrong.status, wrong.errors) == (401, ["This code is not right, or was used already."])
    assert "talktime" not in house.reader.cookies
    assert house.reader.submit("/sign-in/code?next=/me", "/sign-in/code", code=house.code(secret)).to == "/me"
    assert house.reader.get("/me").status == 200


def test_a_recovery_code_opens_once(house: House) -> None:
    _, recovery = house.enrolled(house.portal.as_role(house.org, "helpdesk"))
    house.sign_in("helpdesk@example.com")
    assert house.reader.submit("/sign-in/code", "/sign-in/code", code=recovery[0].upper()).to == "/"
    house.reader = house.portal.nobody()
    house.sign_in("helpdesk@example.com")
    assert house.reader.submit("/sign-in/code", "/sign-in/code", code=recovery[0]).status == 401


def test_without_the_password_no_code_is_asked_for(house: House) -> None:
    assert house.reader.get("/sign-in/code").to == "/sign-in?next=%2F"
    house.reader.cookies["talktime_step"] = "0-made-up"
    assert house.reader.submit("/sign-in/code", "/sign-in/code", code="123456").to == "/sign-in?next=%2F"


def test_an_administrator_without_a_second_factor_sets_one_up_before_anything_else(house: House) -> None:
    house.portal.member(house.org, "billing_administrator")
    house.sign_in("billing_administrator@example.com")
    assert house.reader.get(BACK).to == "/me/second-factor"
    page = house.reader.get("/me/second-factor")
    assert page.title == "Set up a second factor" and "<svg" in page.html
    spelled = re.search(r'<code class="spelled">([A-Z2-7]+)</code>', page.html)
    assert spelled is not None
    wrong = house.reader.submit("/me/second-factor", "/me/second-factor", code="000000")
    assert wrong.status == 422 and house.reader.get(BACK).status == 303
    told = house.reader.submit("/me/second-factor", "/me/second-factor", code=house.code(secret_of(spelled[1])))
    assert told.title == "Recovery codes" and len(re.findall(r"<li><code>", told.html)) == 10
    assert house.reader.get(BACK).status == 200


def test_what_matters_asks_again_who_it_is(house: House) -> None:
    reader = house.portal.as_role(house.org, "helpdesk")
    house.world.clock.pass_seconds(16 * 60)
    assert reader.get("/me/second-factor").to == "/sign-in/again?next=%2Fme%2Fsecond-factor"
    wrong = reader.submit("/sign-in/again?next=/me/second-factor", "/sign-in/again", password="something else")
    assert (wrong.status, wrong.errors) == (401, ["This is not your password."])
    right = reader.submit("/sign-in/again?next=/me/second-factor", "/sign-in/again", password=PASSWORD)
    assert right.to == "/me/second-factor"
    assert reader.get("/me/second-factor").status == 200


def test_a_code_says_who_it_is_too(house: House) -> None:
    reader = house.portal.as_role(house.org, "helpdesk")
    secret, _ = house.enrolled(reader)
    house.world.clock.pass_seconds(16 * 60)
    page = "/sign-in/again?by=code&next=/me/second-factor"
    assert reader.submit(page, "/sign-in/again", code=house.code(secret)).to == "/me/second-factor"


def test_the_second_factor_goes_where_nobody_requires_it_and_stays_where_somebody_does(house: House) -> None:
    free, bound = house.portal.as_role(house.org, "helpdesk"), house.portal.as_role(house.org, "user_administrator")
    for reader in (free, bound):
        house.enrolled(reader)
    assert free.submit("/me/second-factor", "/me/second-factor/remove").to == "/me?said=factor-removed"
    assert "/me/second-factor/remove" not in [form.action for form in bound.get("/me/second-factor").forms]
    token = bound.get("/me").form("/me").values["token"]
    assert bound.send("/me/second-factor/remove", {"token": token}).status == 422


def test_new_recovery_codes_take_the_place_of_the_old_ones(house: House) -> None:
    reader = house.portal.as_role(house.org, "helpdesk")
    _, old = house.enrolled(reader)
    page = reader.submit("/me/second-factor", "/me/second-factor/codes")
    new = re.findall(r"<li><code>([a-z0-9-]+)</code>", page.html)
    assert len(new) == 10 and not set(new) & set(old)
    house.sign_in("helpdesk@example.com")
    assert house.reader.submit("/sign-in/code", "/sign-in/code", code=old[0]).status == 401
    assert house.reader.submit("/sign-in/code", "/sign-in/code", code=new[0]).to == "/"


def test_members_change_their_own_name_language_and_colours(house: House) -> None:
    reader = house.portal.as_role(house.org, "report_reader")
    assert reader.submit("/me", "/me", name="Ann Other", language="en", theme="dark").to == "/me?said=saved"
    page = reader.get("/me")
    assert page.form("/me").values["name"] == "Ann Other" and 'data-theme="dark"' in page.html
    assert reader.submit("/me", "/me", name="").errors == ["This is needed."]


def test_a_password_is_changed_by_whoever_knows_the_old_one(house: House) -> None:
    reader = house.portal.as_role(house.org, "report_reader")
    elsewhere = house.portal.nobody()
    house.reader = elsewhere
    house.sign_in("report_reader@example.com")
    new = {"password": "harbour 12 violet spoon", "again": "harbour 12 violet spoon"}
    assert reader.submit("/me", "/me/password", current="guess", **new).errors == ["This is not your password."]
    assert reader.submit("/me", "/me/password", current=PASSWORD, **new).to == "/me?said=password-changed"
    assert reader.get("/me").status == 200
    assert elsewhere.get("/me").status == 303, "wherever else one was signed in, it is over"
    assert house.sign_in("report_reader@example.com", new["password"])[0] == 303


@pytest.mark.parametrize(
    ("password", "again", "error"),
    [
        ("moon 47", "moon 47", "A password has at least 12 characters."),
        ("password1234", "password1234", "This is easily guessed."),
        ("Ann Archer 12", "Ann Archer 12", "Most of this is your own name or address"),
        ("harbour 12 violet", "harbour 12 violets", "This is not the same as above."),
    ],
)
def test_a_weak_password_is_refused_beside_its_field(house: House, password: str, again: str, error: str) -> None:
    reader = house.portal.as_role(house.org, "report_reader")
    refused = reader.submit("/me", "/me/password", current=PASSWORD, password=password, again=again)
    assert refused.status == 422 and refused.errors[0].startswith(error)
    assert house.sign_in("report_reader@example.com")[0] == 303, "the old one is still good"


def test_sessions_are_listed_and_ended(house: House) -> None:
    member = house.portal.member(house.org, "helpdesk")
    here, there, third = (house.portal.signed_in(house.org, member) for _ in range(3))
    assert here.get("/me").words.count("Last seen") == 3
    assert here.submit("/me", "/me/sessions/end").to == "/me?said=sessions-ended"
    assert sorted(reader.get("/me").status for reader in (there, third)) == [200, 303]
    assert here.submit("/me", "/me/sessions/end-others").to == "/me?said=sessions-ended"
    assert [reader.get("/me").status for reader in (here, there, third)] == [200, 303, 303]


def test_whoever_ends_sessions_has_proved_lately_who_he_is(house: House) -> None:
    """Else whoever finds a browser that was left open keeps its owner out."""
    member = house.portal.member(house.org, "helpdesk")
    here, there = (house.portal.signed_in(house.org, member) for _ in range(2))
    house.world.clock.pass_seconds(16 * 60)
    for action in ("/me/sessions/end", "/me/sessions/end-others"):
        assert here.submit("/me", action).to.startswith("/sign-in/again?next=")
    assert there.get("/me").status == 200


def test_nobody_ends_the_session_of_somebody_else(house: House) -> None:
    one, other = house.portal.as_role(house.org, "helpdesk"), house.portal.as_role(house.org, "report_reader")
    victim = find(house.world.app.database, other.cookies["talktime"], house.world.clock())
    assert victim is not None
    token = one.get("/me").form("/me").values["token"]
    assert one.send("/me/sessions/end", {"token": token, "session": victim.session_id}).status == 404
    assert other.get("/me").status == 200


def test_before_the_second_factor_not_even_the_balance_is_shown(house: House) -> None:
    house.portal.member(house.org, "billing_administrator")
    house.sign_in("billing_administrator@example.com")
    token = house.reader.get("/me/second-factor").form("/me/second-factor").values["token"]
    refused = house.reader.send("/me/password", {"token": token, "current": "guess"})
    assert refused.status == 401 and "Available now" not in refused.words
