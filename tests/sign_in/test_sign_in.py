"""Signing in with a password: who gets in, and that nobody else learns anything."""

from __future__ import annotations

import time
from statistics import median

import pytest

from talktime.actions import credentials, members
from talktime.actions.attempts import OF_A_NAME, OF_AN_ADDRESS, WINDOW, TooManyAttempts
from talktime.actions.errors import Invalid
from talktime.actions.sessions import Visitor
from talktime.actions.sign_in import Chosen, SignedIn, SignInFailed, choose
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import MINUTE, SECOND
from talktime.storage import credential_store, passwords, sign_in_store
from tests.sign_in.conftest import HERE, PASSWORD, House


def refused(house: House, email: str, password: str = PASSWORD, visitor: Visitor = HERE) -> str:
    with pytest.raises(SignInFailed) as failed:
        house.sign_in(email, password, visitor)
    return f"{failed.value.code} {failed.value.values} {failed.value.field}"


def test_who_knows_the_password_is_signed_in(house: House) -> None:
    member_id = house.member("ada", "billing_administrator")
    signed_in = house.signed_in(" Ada@Example.COM ")
    assert signed_in.session.member.member_id == member_id
    assert (signed_in.session.org_id, signed_in.session.address) == (house.org, HERE.address)
    assert house.found(signed_in.cookie) == signed_in.session


def test_an_operator_signs_in_the_same_way(house: House) -> None:
    house.member("olga", org=OPERATOR_ORG)
    assert house.signed_in("olga@example.com").session.org_id == OPERATOR_ORG


def test_whatever_is_wrong_the_answer_is_the_same(house: House) -> None:
    house.member("ada")
    house.invited("bob")
    gone = house.member("eve")
    house.database.write(house.org, members.remove, house.org, gone, house.boss)
    answers = {
        refused(house, "ada@example.com", "another password"),
        refused(house, "ada@example.com", ""),
        refused(house, "ada@example.com", PASSWORD.upper()),
        refused(house, "ada@example.com", "x" * 100_000),
        refused(house, "bob@example.com"),
        refused(house, "eve@example.com"),
        refused(house, "nobody@example.com"),
        refused(house, "no address\x00"),
        refused(house, ""),
    }
    assert answers == {"sign_in_failed {} None"}


def test_a_password_is_the_same_however_its_letters_are_composed(sqlite_house: House) -> None:
    sqlite_house.member("ada", password="pārāk daudz ūdens")
    assert sqlite_house.signed_in("ada@example.com", "pārāk daudz ūdens")


def test_who_changes_the_address_signs_in_by_the_new_one(house: House) -> None:
    member_id = house.member("ada")
    house.database.write(house.org, members.change, house.org, member_id, {"email": "New@example.com"}, house.boss)
    refused(house, "ada@example.com")
    assert house.signed_in("new@example.com")
    house.database.write(house.org, members.change, house.org, member_id, {"email": "NEW@example.com"}, house.boss)
    assert house.signed_in("new@example.com")


def test_a_role_of_the_operators_is_no_organizations_to_give(sqlite_house: House) -> None:
    for roles, org in ((("operator",), sqlite_house.org), (("helpdesk",), OPERATOR_ORG)):
        with pytest.raises(Invalid, match="unknown_role"):
            sqlite_house.invited("ada", *roles, org=org)


# ---------------------------------------------------------------- several organizations


def test_who_belongs_to_two_organizations_chooses(house: House) -> None:
    other = house.another()
    house.member("ada")
    house.member("ada2", org=other, email="ada@example.com")
    house.member("ada3", org=house.another(), email="ada@example.com", password="and something else here")
    found = house.sign_in("ada@example.com")
    assert isinstance(found, Chosen)
    assert [one.org_id for one in found.organizations] == [house.org, other]
    assert all(one.name for one in found.organizations)

    ticket = found.organizations[1].ticket
    signed_in = choose(house.database, ticket, HERE, house.clock())
    assert isinstance(signed_in, SignedIn)
    assert signed_in.session.org_id == other
    with pytest.raises(SignInFailed):
        choose(house.database, ticket, HERE, house.clock())


def test_a_choice_is_over_after_ten_minutes_and_cannot_be_made_up(sqlite_house: House) -> None:
    house = sqlite_house
    house.member("ada")
    house.member("ada2", org=house.another(), email="ada@example.com")
    found = house.sign_in("ada@example.com")
    assert isinstance(found, Chosen)
    ticket = found.organizations[0].ticket
    house.clock.at += 10 * MINUTE
    for wrong in (ticket, ticket[:-1] + "?", "", "1-2-3", f"{house.org:x}-{'0' * 32}-{'A' * 43}"):
        with pytest.raises(SignInFailed):
            choose(house.database, wrong, HERE, house.clock())


def test_a_password_of_one_organization_opens_no_other(house: House) -> None:
    other = house.another()
    house.member("ada")
    house.member("ada2", org=other, email="ada@example.com", password="and something else here")
    assert house.signed_in("ada@example.com").session.org_id == house.org
    assert house.signed_in("ada@example.com", "and something else here").session.org_id == other


# ---------------------------------------------------------------- how it is kept


def test_a_password_is_kept_as_argon2id_makes_it(house: House) -> None:
    member_id = house.member("ada")
    kept = house.database.read(house.org, credential_store.find, house.org, member_id).password
    assert kept
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in str(house.audit())


def test_a_password_kept_with_older_parameters_is_hashed_anew(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = sqlite_house
    member_id = house.member("ada")
    before = house.database.read(house.org, credential_store.find, house.org, member_id)
    monkeypatch.setattr(passwords, "ROUNDS", 3)
    monkeypatch.setattr(passwords, "_BEGINNING", "$argon2id$v=19$m=19456,t=3,p=1$")
    house.signed_in("ada@example.com")
    after = house.database.read(house.org, credential_store.find, house.org, member_id)
    assert after.password != before.password
    assert not passwords.is_outdated(after.password or "")
    assert after.password_at == before.password_at
    house.signed_in("ada@example.com")


def test_another_password_ends_all_sessions_but_the_one_that_changed_it(house: House) -> None:
    member_id = house.member("ada")
    first, second = house.signed_in("ada@example.com"), house.signed_in("ada@example.com")
    kept = second.session.session_id
    credentials.set_password(house.database, house.org, member_id, "another one of these", house.boss, kept)
    assert [house.is_in(one) for one in (first, second)] == [False, True]
    refused(house, "ada@example.com")


# ---------------------------------------------------------------- limits


def test_ten_failures_are_enough_for_a_name(house: House) -> None:
    house.member("ada")
    for number in range(OF_A_NAME):
        refused(house, "ada@example.com", "wrong", Visitor(f"192.0.2.{number}"))
    with pytest.raises(TooManyAttempts) as stopped:
        house.sign_in("ADA@example.com", PASSWORD, Visitor("198.51.100.1"))
    assert WINDOW - 2 * SECOND <= stopped.value.seconds * SECOND <= WINDOW

    house.clock.at += stopped.value.seconds * SECOND
    assert house.signed_in("ada@example.com")


def test_a_name_that_nobody_has_is_stopped_as_well(sqlite_house: House) -> None:
    for _ in range(OF_A_NAME):
        refused(sqlite_house, "nobody@example.com")
    with pytest.raises(TooManyAttempts):
        sqlite_house.sign_in("nobody@example.com")


def test_fifty_failures_are_enough_for_an_address(sqlite_house: House) -> None:
    """Of IPv6 everybody has a network; what is no address at all is one name."""
    for number in range(OF_AN_ADDRESS):
        refused(sqlite_house, f"guess{number}@example.com", "wrong", Visitor(f"2001:db8::{number:x}"))
    with pytest.raises(TooManyAttempts):
        sqlite_house.sign_in("one.more@example.com", visitor=Visitor("2001:db8::ffff:1"))
    refused(sqlite_house, "one.more@example.com", visitor=Visitor("2001:db8:0:1::1"))
    refused(sqlite_house, "one.more@example.com", visitor=Visitor("unix:"))


def test_success_forgets_the_failures_of_the_name(sqlite_house: House) -> None:
    house = sqlite_house
    house.member("ada")
    for _ in range(3):
        for _ in range(OF_A_NAME - 1):
            refused(house, "ada@example.com", "wrong")
        house.signed_in("ada@example.com")


def test_success_is_no_failure_of_the_address(house: House) -> None:
    key = "address:192.0.2.7"
    house.member("ada")
    for _ in range(3):
        house.signed_in("ada@example.com")
    refused(house, "ada@example.com", "wrong")
    assert house.database.write((), sign_in_store.count, key, house.clock(), 0).failures == 2


def test_failures_are_forgotten_when_their_time_is_over(sqlite_house: House) -> None:
    house = sqlite_house
    refused(house, "ada@example.com")
    assert house.database.write((), sign_in_store.forget_old, house.clock() - WINDOW) == 0
    house.clock.at += WINDOW
    assert house.database.write((), sign_in_store.forget_old, house.clock() - WINDOW) == 2


# ---------------------------------------------------------------- time


def took(house: House, email: str) -> float:
    house.clock.at += WINDOW
    began = time.process_time()
    refused(house, email, "not the password")
    return time.process_time() - began


@pytest.mark.parametrize("known", ["ada@example.com", "bob@example.com"], ids=["with a password", "invited"])
def test_who_is_known_takes_as_long_as_who_is_not(sqlite_house: House, known: str) -> None:
    """Q15: at most 5 ms apart, one after the other, so that a busy machine slows both."""
    sqlite_house.member("ada")
    sqlite_house.invited("bob")
    took(sqlite_house, known), took(sqlite_house, "nobody@example.com")
    pairs = [(took(sqlite_house, known), took(sqlite_house, "nobody@example.com")) for _ in range(11)]
    assert abs(median(one - other for one, other in pairs)) <= 0.005
