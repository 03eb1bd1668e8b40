"""Sessions: how long they last, who ends them, what they may do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talktime.actions import members, sessions
from talktime.actions.errors import Forbidden, NotFound
from talktime.actions.sessions import FRESH, IDLE, LASTS, Visitor
from talktime.core.roles import Right
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.sign_in_rules import SignInRules
from talktime.core.time import MINUTE, SECOND
from talktime.storage import rule_store
from tests.sign_in.conftest import HERE, House


def test_a_cookie_says_whose_it_is_and_opens_nothing_else(house: House) -> None:
    house.member("ada")
    signed_in = house.signed_in("ada@example.com")
    org, tail, secret = signed_in.cookie.split("-", 2)
    assert (int(org, 16), f"ses_{tail}") == (house.org, signed_in.session.session_id)
    other = house.another()
    wrong = [
        "",
        "x",
        f"{org}-{tail}-{'A' * 43}",
        f"{org}-{'0' * 32}-{secret}",
        f"{other:x}-{tail}-{secret}",
        f"0{org}-{tail}-{secret}",
        f"{org}-{tail[:-1]}\x00-{secret}",
        signed_in.cookie + "A",
        signed_in.cookie + "\n",
    ]
    assert [one for one in wrong if house.found(one)] == []
    assert secret not in str(house.audit())


def test_a_session_that_nobody_uses_ends_after_eight_hours(house: House) -> None:
    house.member("ada")
    one, other = house.signed_in("ada@example.com"), house.signed_in("ada@example.com")
    house.clock.at += IDLE - MINUTE
    assert house.is_in(one)
    house.clock.at += 2 * MINUTE
    assert (house.is_in(one), house.is_in(other)) == (True, False)


def test_every_session_ends_after_a_day(sqlite_house: House) -> None:
    house = sqlite_house
    house.member("ada")
    signed_in = house.signed_in("ada@example.com")
    while house.clock.at < signed_in.session.created_at + LASTS - 60 * MINUTE:
        assert house.is_in(signed_in)
        house.clock.at += 60 * MINUTE
    house.clock.at = signed_in.session.ends_at
    assert not house.is_in(signed_in)


def test_when_somebody_was_seen_is_written_once_a_minute(sqlite_house: House) -> None:
    house = sqlite_house
    house.member("ada")
    signed_in = house.signed_in("ada@example.com")

    def seen() -> int:
        found = house.found(signed_in.cookie)
        assert found
        return found.seen_at

    house.clock.at += 50 * SECOND
    assert seen() == seen() == signed_in.session.seen_at
    house.clock.at += 10 * SECOND
    seen()
    assert seen() > signed_in.session.seen_at


def test_who_signs_out_is_out_also_twice(house: House) -> None:
    house.member("ada")
    signed_in, other = house.signed_in("ada@example.com"), house.signed_in("ada@example.com")
    for _ in range(2):
        house.database.write(house.org, sessions.end, house.org, signed_in.session.session_id, house.clock())
    assert (house.is_in(signed_in), house.is_in(other)) == (False, True)
    assert [one["action"] for one in house.audit()].count("member.signed_out") == 1


def test_an_administrator_and_removal_end_every_session(house: House) -> None:
    for step in (members.end_sessions, members.remove):
        name = step.__name__.replace("_", "")
        member_id = house.member(name)
        signed_in = house.signed_in(f"{name}@example.com")
        house.database.write(house.org, step, house.org, member_id, house.boss)
        assert not house.is_in(signed_in)
    house.signed_in("endsessions@example.com")


def test_a_member_sees_where_he_is_signed_in_and_ends_single_sessions(house: House) -> None:
    member_id = house.member("ada")
    house.member("bob")
    first = house.signed_in("ada@example.com", visitor=Visitor("192.0.2.1", "x" * 300))
    second, bobs = house.signed_in("ada@example.com"), house.signed_in("bob@example.com")

    def listed() -> list[str]:
        rows = house.database.read(house.org, sessions.sessions, house.org, member_id, house.clock())
        return [row.session_id for row in rows]

    assert listed() == [second.session.session_id, first.session.session_id]
    assert first.session.agent == "x" * 200
    with pytest.raises(NotFound):
        house.database.write(house.org, sessions.end_own, second.session, bobs.session.session_id, house.clock())
    house.database.write(house.org, sessions.end_own, second.session, first.session.session_id, house.clock())
    assert listed() == [second.session.session_id]
    third = house.signed_in("ada@example.com")
    house.database.write(house.org, sessions.end_others, third.session, house.clock())
    assert listed() == [third.session.session_id]
    assert house.is_in(bobs)


def test_who_signed_in_just_now_is_fresh(sqlite_house: House) -> None:
    sqlite_house.member("ada")
    session = sqlite_house.signed_in("ada@example.com").session
    assert sessions.is_fresh(session, session.fresh_at + FRESH - 1)
    assert not sessions.is_fresh(session, session.fresh_at + FRESH)


def test_rights_are_those_of_the_roles_of_now(house: House) -> None:
    member_id = house.member("ada", "helpdesk")
    signed_in = house.signed_in("ada@example.com")
    assert not signed_in.session.may(Right.FUNDS_CHANGE)
    assert signed_in.session.may(Right.FUNDS_SEE)
    house.database.write(house.org, members.change, house.org, member_id, {"roles": ("report_reader",)}, house.boss)
    found = house.found(signed_in.cookie)
    assert found
    assert not found.may(Right.FUNDS_SEE)


def test_who_may_change_something_needs_a_second_factor_unless_the_organization_says_otherwise(house: House) -> None:
    house.member("ada", "helpdesk")
    house.member("bob", "user_administrator")
    ada, bob = house.signed_in("ada@example.com"), house.signed_in("bob@example.com")
    assert (ada.session.must_enrol, bob.session.must_enrol) == (False, True)
    assert not bob.session.may(Right.PEOPLE_SEE)

    house.database.write(house.org, rule_store.save, house.org, SignInRules(second_factor="optional"))
    found = house.found(bob.cookie)
    assert found
    assert not found.must_enrol
    assert found.may(Right.PEOPLE_CHANGE)


def test_who_has_two_factors_need_not_enrol(house: House) -> None:
    member_id = house.member("ada", "global_administrator")
    opened, _ = house.database.write(
        house.org, sessions.open_session, house.org, member_id, HERE, house.clock(), two_factors=True
    )
    assert (opened.two_factors, opened.must_enrol) == (True, False)


def test_nobody_signs_in_whom_there_is_not(sqlite_house: House) -> None:
    house = sqlite_house
    for member_id in (house.invited("bob"), "mem_nobody"):
        with pytest.raises(NotFound):
            house.database.write(
                house.org, sessions.open_session, house.org, member_id, HERE, house.clock(), two_factors=False
            )


def test_an_operator_looks_into_an_organization_and_the_log_says_so(house: House) -> None:
    member_id = house.member("olga", org=OPERATOR_ORG)
    session, cookie = house.database.write(
        OPERATOR_ORG, sessions.open_session, OPERATOR_ORG, member_id, HERE, house.clock(), two_factors=True
    )
    assert session.acts_in == OPERATOR_ORG
    both = (OPERATOR_ORG, house.org)
    acting = house.database.write(both, sessions.act_for, session, house.org, house.clock())
    found = house.found(cookie)
    assert found
    assert found.acting_for == acting.acting_for == found.acts_in == house.org
    house.database.write(OPERATOR_ORG, sessions.act_for, acting, None, house.clock())
    found = house.found(cookie)
    assert found
    assert found.acting_for is None
    assert [one["action"] for one in house.audit(OPERATOR_ORG)].count("session.acting_for") == 2

    with pytest.raises(NotFound):
        house.database.write((OPERATOR_ORG, 999), sessions.act_for, session, 999, house.clock())
    with pytest.raises(Forbidden):
        enrols = replace(session, must_enrol=True)
        house.database.write(both, sessions.act_for, enrols, house.org, house.clock())


def test_nobody_else_looks_into_another_organization(sqlite_house: House) -> None:
    house = sqlite_house
    house.member("ada", "global_administrator")
    session, other = replace(house.signed_in("ada@example.com").session, must_enrol=False), house.another()
    with pytest.raises(Forbidden):
        house.database.write((house.org, other, OPERATOR_ORG), sessions.act_for, session, other, house.clock())
