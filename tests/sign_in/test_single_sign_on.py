"""Members sign in through their organization's own server; it says who they are, and nothing more."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import msgspec
import pytest

from talktime.actions import members, single_sign_on, sso_sign_in
from talktime.actions.attempts import OF_A_NAME, TooManyAttempts
from talktime.actions.errors import Invalid
from talktime.actions.sessions import Session, is_fresh
from talktime.actions.sign_in import Chosen, NeedsFactor, SignedIn, SignInFailed, SingleSignOnRequired, choose
from talktime.actions.single_sign_on import Wanted, returns_to
from talktime.actions.sso_sign_in import LASTS, Answer, Arrived, Doors, NotSignedIn
from talktime.core.sign_in_rules import SignInRules
from talktime.core.time import MINUTE, SECOND
from talktime.identity.asking import Asker
from talktime.identity.identity import Identity
from talktime.storage import credential_store, member_store, rule_store
from talktime.storage.database import Tx
from tests.sign_in.conftest import HERE, House
from tests.support.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer

PUBLIC = "https://talktime.example.com"
Lie = Callable[[OidcServer], None]


class Desk:
    """An organization whose people sign in through a server of their own."""

    def __init__(self, house: House, server: OidcServer) -> None:
        self.house, self.server = house, server
        self.identity = Identity(Asker(internal=True, seconds=2), house.clock)
        self.doors = Doors(house.database, house.app.vault, self.identity, PUBLIC)
        self.is_("ada")
        self.set_up()

    def set_up(self, org: int | None = None, enforced: bool = False, issuer: str = "") -> None:
        org = self.house.org if org is None else org
        self.server.redirect_uris.add(returns_to(PUBLIC, org))
        wanted = Wanted(
            issuer=issuer or self.server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, enforced=enforced
        )
        values = (self.house.app.vault, self.identity, org, wanted, self.house.boss)
        self.house.database.write(org, single_sign_on.save, *values)

    def rules(self, rules: SignInRules) -> None:
        kept = self.house.database.read(self.house.org, rule_store.find, self.house.org)
        changed = msgspec.structs.replace(rules, sso=kept.sso)
        self.house.database.write(self.house.org, rule_store.save, self.house.org, changed)

    def sent(self, org: int | None = None, again: bool = False) -> tuple[str, Answer]:
        """What the browser keeps, and what it brings back."""
        org = self.house.org if org is None else org
        sent = sso_sign_in.begin(self.doors, org, "/calls", self.house.clock(), again)
        told = self.server.visited(sent.url)
        return sent.cookie, Answer(told["state"], told.get("code", ""), told.get("error", ""), told.get("iss", ""))

    def back(self, cookie: str, answer: Answer, org: int | None = None) -> Arrived:
        org = self.house.org if org is None else org
        return sso_sign_in.finish(self.doors, org, cookie, answer, HERE, self.house.clock())

    def arrived(self, org: int | None = None, again: bool = False) -> SignedIn | NeedsFactor:
        return self.back(*self.sent(org, again), org).signed_in

    def session(self, again: bool = False) -> Session:
        found = self.arrived(again=again)
        assert isinstance(found, SignedIn)
        return found.session

    def refused(self, org: int | None = None) -> str:
        with pytest.raises(NotSignedIn) as refused:
            self.arrived(org)
        return refused.value.code

    def is_(self, name: str, **claims: object) -> None:
        """Who sits in front of the browser."""
        self.server.person = {"sub": f"sub-{name}", "email": f"{name}@example.com", "email_verified": True, **claims}

    def give_codes(self, member_id: str) -> None:
        """A second factor of our own."""

        def confirm(tx: Tx) -> None:
            credential = credential_store.find(tx, self.house.org, member_id)
            changed = msgspec.structs.replace(credential, totp_secret=b"sealed", totp_at=self.house.clock())
            credential_store.save(tx, self.house.org, changed)

        self.house.database.write(self.house.org, confirm)

    def state_of(self, member_id: str) -> str:
        found = self.house.database.read(self.house.org, member_store.find, self.house.org, member_id)
        assert found is not None
        return found.state


def with_server(house: House) -> Iterator[Desk]:
    with OidcServer(lambda: house.clock() // SECOND) as server:
        yield Desk(house, server)


@pytest.fixture
def everywhere(house: House) -> Iterator[Desk]:
    """On both databases."""
    yield from with_server(house)


@pytest.fixture
def desk(sqlite_house: House) -> Iterator[Desk]:
    yield from with_server(sqlite_house)


# ---------------------------------------------------------------- who gets in


def test_a_member_signs_in_where_the_organization_signs_in(everywhere: Desk) -> None:
    desk = everywhere
    member_id = desk.house.member("ada")
    arrived = desk.back(*desk.sent())
    assert isinstance(arrived.signed_in, SignedIn)
    assert arrived.signed_in.session.member.member_id == member_id
    assert arrived.next == "/calls"
    assert desk.house.is_in(arrived.signed_in)
    assert [row["action"] for row in desk.house.audit()][-2:] == ["member.sso_linked", "member.signed_in"]


def test_who_was_invited_needs_no_password_to_become_a_member(everywhere: Desk) -> None:
    desk = everywhere
    member_id = desk.house.invited("ada")
    assert desk.session().member.state == "active"
    assert desk.state_of(member_id) == "active"


def test_an_address_is_the_same_in_capital_letters(desk: Desk) -> None:
    desk.house.invited("ada", email="Ada@Example.com")
    desk.is_("ada", email="aDa@exAmple.com")
    assert desk.session()


def test_a_stranger_is_no_member(desk: Desk) -> None:
    desk.house.member("ada")
    desk.is_("eve")
    assert desk.refused() == "sso_not_a_member"


def test_a_member_of_another_organization_is_a_stranger(desk: Desk) -> None:
    desk.house.member("ada", org=desk.house.another())
    assert desk.refused() == "sso_not_a_member"


def test_who_was_removed_is_a_stranger_also_with_the_account_that_was_used(desk: Desk) -> None:
    member_id = desk.house.member("ada")
    assert desk.session()
    desk.house.database.write(desk.house.org, members.remove, desk.house.org, member_id, desk.house.boss)
    assert desk.refused() == "sso_not_a_member"


def test_who_comes_back_after_being_removed_is_linked_anew(desk: Desk) -> None:
    desk.house.member("other", "global_administrator")
    old = desk.house.member("ada")
    assert desk.session()
    desk.house.database.write(desk.house.org, members.remove, desk.house.org, old, desk.house.boss)
    new = desk.house.invited("ada2", email="ada@example.com")
    assert desk.session().member.member_id == new


def test_an_address_that_is_not_verified_opens_nothing(desk: Desk) -> None:
    desk.house.member("ada")
    for verified in (False, None, "true"):
        desk.is_("ada", email_verified=verified)
        assert desk.refused() == "sso_no_email"
    desk.is_("ada", email=None)
    assert desk.refused() == "sso_no_email"


def test_the_account_is_known_again_whatever_its_address_has_become(everywhere: Desk) -> None:
    desk = everywhere
    member_id = desk.house.member("ada")
    assert desk.session().member.member_id == member_id
    desk.is_("ada", email="married@example.com", email_verified=False)
    assert desk.session().member.member_id == member_id


def test_an_address_that_was_given_to_somebody_else_does_not_open_the_old_account(everywhere: Desk) -> None:
    desk = everywhere
    member_id = desk.house.member("ada")
    assert desk.session()
    desk.is_("ada", sub="sub-successor")
    assert desk.refused() == "sso_other_account"
    desk.house.database.write(desk.house.org, single_sign_on.release, desk.house.org, member_id, desk.house.boss)
    assert desk.session().member.member_id == member_id


def test_an_account_is_of_its_server_alone(desk: Desk) -> None:
    """Another server may give the same name to somebody else."""
    desk.house.member("ada")
    eve = desk.house.member("eve")
    assert desk.session()
    with OidcServer(lambda: desk.house.clock() // SECOND) as other:
        desk.server = other
        desk.set_up()
        desk.is_("ada", email="eve@example.com")
        assert desk.session().member.member_id == eve


# ---------------------------------------------------------------- who came back


def test_an_answer_is_taken_in_the_browser_that_began_alone(desk: Desk) -> None:
    desk.house.member("ada")
    (mine, _), (_, his) = desk.sent(), desk.sent()
    for cookie in (mine, "", "AAAA", "é", secrets.token_urlsafe(400)):
        with pytest.raises(NotSignedIn, match="sso_begun_elsewhere"):
            desk.back(cookie, his)


def test_another_state_is_no_answer(desk: Desk) -> None:
    desk.house.member("ada")
    cookie, answer = desk.sent()
    for state in ("", "x", answer.state + "x", answer.state[:-1], "é"):
        with pytest.raises(NotSignedIn, match="sso_begun_elsewhere"):
            desk.back(cookie, Answer(state, answer.code))
    assert desk.back(cookie, answer)


def test_an_answer_is_good_once(everywhere: Desk) -> None:
    desk = everywhere
    desk.house.member("ada")
    cookie, answer = desk.sent()
    assert desk.back(cookie, answer)
    with pytest.raises(NotSignedIn, match="sso_not_believed"):
        desk.back(cookie, answer)


def test_an_answer_is_good_once_also_when_the_server_takes_its_codes_twice(everywhere: Desk) -> None:
    desk = everywhere
    desk.house.member("ada")
    cookie, answer = desk.sent()
    desk.server.forgets_codes = False
    assert desk.back(cookie, answer)
    with pytest.raises(NotSignedIn, match="sso_begun_elsewhere"):
        desk.back(cookie, answer)


def test_an_answer_that_comes_late_is_none(desk: Desk) -> None:
    desk.house.member("ada")
    cookie, answer = desk.sent()
    desk.house.clock.at += LASTS
    with pytest.raises(NotSignedIn, match="sso_begun_elsewhere"):
        desk.back(cookie, answer)


def test_an_answer_to_one_organization_is_none_to_another(desk: Desk) -> None:
    """Mix-up: whoever has set up a server of his own elsewhere gets nobody's code for ours."""
    other = desk.house.another()
    desk.set_up(other)
    desk.house.member("ada")
    desk.house.member("ada2", org=other, email="ada@example.com")
    cookie, answer = desk.sent(other)
    with pytest.raises(NotSignedIn, match="sso_begun_elsewhere"):
        desk.back(cookie, answer, desk.house.org)
    assert returns_to(PUBLIC, other) != returns_to(PUBLIC, desk.house.org)
    assert desk.server.authorized[-1]["redirect_uri"] == returns_to(PUBLIC, other)


def test_an_answer_in_the_name_of_another_server_is_none(desk: Desk) -> None:
    desk.house.member("ada")
    cookie, answer = desk.sent()
    with pytest.raises(NotSignedIn, match="sso_not_believed"):
        desk.back(cookie, Answer(answer.state, answer.code, "", "https://id.example.org"))


def test_what_was_begun_before_the_settings_changed_is_over(desk: Desk) -> None:
    desk.house.member("ada")
    cookie, answer = desk.sent()
    wanted = Wanted(issuer=desk.server.issuer, client_id="another", client_secret=CLIENT_SECRET)
    values = (desk.house.app.vault, desk.identity, desk.house.org, wanted, desk.house.boss)
    desk.house.database.write(desk.house.org, single_sign_on.save, *values)
    with pytest.raises(NotSignedIn, match="sso_begun_elsewhere"):
        desk.back(cookie, answer)


def test_whom_the_other_server_refuses_we_refuse(desk: Desk) -> None:
    desk.house.member("ada")
    desk.server.refuses = "access_denied"
    assert desk.refused() == "sso_refused"


def test_an_answer_without_a_code_is_a_refusal(desk: Desk) -> None:
    cookie, answer = desk.sent()
    with pytest.raises(NotSignedIn, match="sso_refused"):
        desk.back(cookie, Answer(answer.state))


LIES: dict[str, Lie] = {
    "another audience": lambda server: server.lies.update(aud="another"),
    "another issuer": lambda server: server.lies.update(iss="https://id.example.org"),
    "another nonce": lambda server: server.lies.update(nonce="another"),
    "expired": lambda server: server.lies.update(exp=1_000_000_000),
    "signed by nobody": lambda server: setattr(server, "id_token", "e30.e30."),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_is_not_for_us_opens_nothing(desk: Desk, lie: str) -> None:
    desk.house.member("ada")
    LIES[lie](desk.server)
    assert desk.refused() == "sso_not_believed"
    assert "member.signed_in" not in [row["action"] for row in desk.house.audit()]


def test_through_us_nobody_asks_another_server_as_often_as_he_likes(desk: Desk) -> None:
    desk.house.member("ada")
    cookie, answer = desk.sent()
    for _ in range(OF_A_NAME):
        with pytest.raises(NotSignedIn, match="sso_not_believed"):
            desk.back(cookie, Answer(answer.state, "guessed"))
    with pytest.raises(TooManyAttempts):
        desk.back(cookie, answer)


def test_where_it_is_not_set_up_nobody_begins(desk: Desk) -> None:
    for org in (desk.house.another(), 999_999):
        with pytest.raises(NotSignedIn, match="sso_not_set_up"):
            sso_sign_in.begin(desk.doors, org, "/", desk.house.clock())


def test_when_the_other_server_is_down_that_is_said(desk: Desk) -> None:
    desk.server.is_down = True
    with pytest.raises(NotSignedIn, match="sso_not_reached"):
        sso_sign_in.begin(desk.doors, desk.house.org, "/", desk.house.clock())


# ---------------------------------------------------------------- second factor, and how long ago


def test_two_factors_over_there_are_two_factors_here(desk: Desk) -> None:
    desk.house.member("ada", "global_administrator")
    desk.is_("ada", amr=["pwd", "otp", "mfa"])
    session = desk.session()
    assert (session.two_factors, session.must_enrol) == (True, False)


def test_one_factor_over_there_wants_our_own_of_those_who_may_change_something(desk: Desk) -> None:
    member_id = desk.house.member("ada", "global_administrator")
    assert desk.session().must_enrol
    desk.give_codes(member_id)
    assert isinstance(desk.arrived(), NeedsFactor)
    desk.is_("ada", amr=["mfa"])
    assert desk.session().two_factors


def test_where_a_second_factor_is_optional_the_other_server_is_enough(desk: Desk) -> None:
    desk.give_codes(desk.house.member("ada", "global_administrator"))
    desk.rules(SignInRules(second_factor="optional"))
    session = desk.session()
    assert (session.two_factors, session.must_enrol) == (False, False)


def test_who_may_change_nothing_needs_one_factor(desk: Desk) -> None:
    desk.give_codes(desk.house.member("ada", "helpdesk"))
    assert not desk.session().must_enrol


def test_who_has_long_been_signed_in_over_there_proves_who_he_is_before_something_that_matters(desk: Desk) -> None:
    desk.house.member("ada")
    now = desk.house.clock()
    assert not is_fresh(desk.session(), now)
    desk.is_("ada", auth_time=desk.server.clock() - 60 * 60)
    assert not is_fresh(desk.session(), now)
    desk.is_("ada", auth_time=desk.server.clock() - 60)
    session = desk.session()
    assert is_fresh(session, now)
    assert not is_fresh(session, now + 15 * MINUTE)


def test_nobody_has_proved_in_the_future_who_he_is(desk: Desk) -> None:
    desk.house.member("ada")
    desk.is_("ada", auth_time=desk.server.clock() + 3600)
    session = desk.session()
    assert session.fresh_at <= session.created_at


def test_the_other_server_is_told_to_ask_again(desk: Desk) -> None:
    desk.house.member("ada")
    session = desk.session(again=True)
    assert desk.server.authorized[-1]["prompt"] == "login"
    assert is_fresh(session, desk.house.clock())
    desk.is_("ada", auth_time=desk.server.clock() - 60 * 60)
    assert not is_fresh(desk.session(again=True), desk.house.clock()), "it has not asked"


# ---------------------------------------------------------------- passwords beside it


def test_passwords_are_taken_as_before_where_single_sign_on_is_a_choice(desk: Desk) -> None:
    desk.house.member("ada")
    assert desk.house.signed_in("ada@example.com")


def test_where_it_is_enforced_a_right_password_is_refused_and_says_why(everywhere: Desk) -> None:
    desk = everywhere
    desk.house.member("ada")
    desk.set_up(enforced=True)
    with pytest.raises(SingleSignOnRequired) as refused:
        desk.house.sign_in("ada@example.com")
    assert refused.value.org_id == desk.house.org
    assert desk.session()


def test_where_it_is_enforced_a_wrong_password_says_nothing(desk: Desk) -> None:
    desk.house.member("ada")
    desk.set_up(enforced=True)
    with pytest.raises(SignInFailed) as refused:
        desk.house.sign_in("ada@example.com", "wrong")
    assert refused.value.code == "sign_in_failed"


def test_a_global_administrator_gets_in_when_the_other_server_is_down(desk: Desk) -> None:
    desk.house.member("boss", "helpdesk", "global_administrator")
    desk.set_up(enforced=True)
    desk.server.is_down = True
    assert desk.house.signed_in("boss@example.com")


def test_of_several_organizations_the_one_that_enforces_it_takes_no_password(desk: Desk) -> None:
    other = desk.house.another()
    desk.house.member("ada")
    desk.house.member("ada2", org=other, email="ada@example.com")
    desk.set_up(enforced=True)
    found = desk.house.sign_in("ada@example.com")
    assert isinstance(found, Chosen)
    tickets = {one.org_id: one.ticket for one in found.organizations}
    with pytest.raises(SingleSignOnRequired):
        choose(desk.house.database, tickets[desk.house.org], HERE, desk.house.clock())
    assert choose(desk.house.database, tickets[other], HERE, desk.house.clock())


# ---------------------------------------------------------------- setting it up


def test_what_is_set_up_is_told_and_its_secret_is_not(everywhere: Desk) -> None:
    house = everywhere.house
    kept = house.database.read(house.org, rule_store.find, house.org)
    sealed = house.database.read(house.org, rule_store.sso_secret, house.org)
    assert kept.sso is not None and sealed is not None
    assert (kept.sso.issuer, kept.sso.client_id, kept.sso.enforced) == (everywhere.server.issuer, CLIENT_ID, False)
    assert CLIENT_SECRET not in str(house.audit()) and CLIENT_SECRET.encode() not in sealed


def test_the_secret_and_the_names_of_a_sign_in_stand_in_no_file(desk: Desk) -> None:
    desk.house.member("ada")
    cookie, answer = desk.sent()
    assert desk.back(cookie, answer)
    kept = b"".join(path.read_bytes() for path in desk.house.app.settings.data.rglob("*") if path.is_file())
    assert b"ada@example.com" in kept
    assert [one for one in (CLIENT_SECRET, cookie, answer.state, answer.code) if one.encode() in kept] == []


def test_the_secret_stays_unless_another_is_given(desk: Desk) -> None:
    desk.house.member("ada")
    wanted = Wanted(issuer=desk.server.issuer, client_id=CLIENT_ID)
    values = (desk.house.app.vault, desk.identity, desk.house.org, wanted, desk.house.boss)
    desk.house.database.write(desk.house.org, single_sign_on.save, *values)
    assert desk.session()
    assert len([row for row in desk.house.audit() if row["action"] == "sign_in_rules.sso_changed"]) == 1
    desk.house.database.write(
        desk.house.org, single_sign_on.save, *values[:3], msgspec.structs.replace(wanted, client_secret=""), values[4]
    )
    assert desk.refused() == "sso_not_believed"


def test_the_secret_of_one_server_is_told_to_no_other(desk: Desk) -> None:
    wanted = Wanted(issuer="https://id.example.org", client_id=CLIENT_ID)
    values = (desk.house.app.vault, desk.identity, desk.house.org, wanted, desk.house.boss)
    with pytest.raises(Invalid) as refused:
        desk.house.database.write(desk.house.org, single_sign_on.save, *values)
    assert (refused.value.code, refused.value.field) == ("missing_field", "client_secret")


def test_other_rules_stay_as_they_are(desk: Desk) -> None:
    desk.rules(SignInRules(password_length=20, second_factor="optional"))
    desk.set_up(enforced=True)
    kept = desk.house.database.read(desk.house.org, rule_store.find, desk.house.org)
    assert (kept.password_length, kept.second_factor) == (20, "optional")


def test_switched_off_it_is_gone_with_its_secret(everywhere: Desk) -> None:
    house = everywhere.house
    house.member("ada")
    everywhere.set_up(enforced=True)
    for _ in range(2):
        house.database.write(house.org, single_sign_on.switch_off, house.org, house.boss)
    assert house.database.read(house.org, rule_store.sso_secret, house.org) is None
    assert house.signed_in("ada@example.com")
    assert house.audit()[-2]["action"] == "sign_in_rules.sso_changed"


WRONG = {
    "issuer": ["", "http://id.example.com", "https://id.example.com/?a=b", "https://a b", "javascript:alert(1)"],
    "client_id": ["", "x" * 201, "a\nb", "ключ"],
    "client_secret": ["x" * 1001, "a\0b", "ключ"],
}


@pytest.mark.parametrize("field", WRONG)
def test_what_is_wrong_is_said_beside_its_field_and_changes_nothing(desk: Desk, field: str) -> None:
    before = desk.house.database.read(desk.house.org, rule_store.find, desk.house.org)
    for value in WRONG[field]:
        wanted = msgspec.structs.replace(
            Wanted(issuer=desk.server.issuer, client_id="x", client_secret="y"), **{field: value}
        )
        values = (desk.house.app.vault, desk.identity, desk.house.org, wanted, desk.house.boss)
        with pytest.raises(Invalid) as refused:
            desk.house.database.write(desk.house.org, single_sign_on.save, *values)
        assert (refused.value.field, refused.value.code) == (field, f"invalid_{field}")
    assert desk.house.database.read(desk.house.org, rule_store.find, desk.house.org) == before


def test_a_server_is_tried_out_before_it_is_saved(desk: Desk) -> None:
    assert single_sign_on.check(desk.identity, desk.server.issuer + "/") == desk.server.issuer
    for issuer, code in (("http://id.example.com", "invalid_issuer"), (desk.server.url, "issuer_not_usable")):
        with pytest.raises(Invalid) as refused:
            single_sign_on.check(desk.identity, issuer)
        assert (refused.value.field, refused.value.code) == ("issuer", code)
    assert desk.server.issuer in str(refused.value.values["why"])
    desk.server.is_down = True
    with pytest.raises(Invalid, match="issuer_not_reached"):
        single_sign_on.check(desk.identity, desk.server.issuer)
