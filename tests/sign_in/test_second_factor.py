"""The second factor below the pages: kept sealed, good once, limited, taken away by those who may."""

from __future__ import annotations

from base64 import b32decode
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from talktime.actions import second_factor
from talktime.actions.attempts import TooManyAttempts
from talktime.actions.credentials import set_password
from talktime.actions.errors import StateConflict
from talktime.actions.sign_in import NeedsFactor, SignedIn, SignInFailed
from talktime.core import one_time_codes as codes
from talktime.core.time import MINUTE
from talktime.storage import tables as t
from tests.sign_in.conftest import HERE, House


class Phone:
    """Somebody's authenticator app."""

    def __init__(self, house: House, email: str) -> None:
        self.house, self.email, app = house, email, house.app
        self.session = house.signed_in(email).session
        spelled = house.database.read(house.org, second_factor.enrolment, app.vault, self.session, "Talktime").spelled
        self.secret = b32decode(spelled)
        self.recovery = house.database.write(
            house.org, second_factor.enrol, app.vault, self.session, self.code(), house.clock()
        )
        self.house.clock.at += MINUTE

    def code(self) -> str:
        return codes.code_at(self.secret, self.house.clock() // codes.STEP)

    def ticket(self) -> str:
        found = self.house.sign_in(self.email)
        assert isinstance(found, NeedsFactor)
        return found.ticket

    def finish(self, ticket: str, code: str) -> SignedIn | None:
        house = self.house
        return second_factor.finish(house.database, house.app.vault, ticket, code, HERE, house.clock())


@pytest.fixture
def phone(house: House) -> Phone:
    house.member("ada", "global_administrator")
    return Phone(house, "ada@example.com")


def test_with_both_factors_everything_is_open(phone: Phone) -> None:
    assert phone.session.must_enrol
    done = phone.finish(phone.ticket(), phone.code())
    assert done is not None and not done.session.must_enrol and done.session.two_factors


def test_a_code_signs_in_once(phone: Phone) -> None:
    first, second, code = phone.ticket(), phone.ticket(), phone.code()
    assert phone.finish(first, code) is not None
    with pytest.raises(SignInFailed, match="wrong_code"):
        phone.finish(second, code)


def test_two_who_come_at_once_with_one_code_are_not_both_let_in(phone: Phone) -> None:
    tickets, code = [phone.ticket() for _ in range(4)], phone.code()

    def come(ticket: str) -> bool:
        try:
            return phone.finish(ticket, code) is not None
        except SignInFailed:
            return False

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(come, tickets)) == [False, False, False, True]


def test_a_ticket_is_good_once_and_for_ten_minutes(phone: Phone) -> None:
    ticket = phone.ticket()
    assert phone.finish(ticket, phone.code()) is not None
    assert phone.finish(ticket, phone.recovery[0]) is None
    late = phone.ticket()
    phone.house.clock.at += 10 * MINUTE
    assert phone.finish(late, phone.code()) is None


def test_codes_are_not_guessed(phone: Phone) -> None:
    ticket = phone.ticket()
    for _ in range(10):
        with pytest.raises(SignInFailed):
            phone.finish(ticket, "000000")
    with pytest.raises(TooManyAttempts):
        phone.finish(ticket, phone.code())


def test_only_digests_and_sealed_secrets_are_kept(phone: Phone) -> None:
    house = phone.house
    row = house.database.read(house.org, lambda tx: tx.execute(select(t.credentials)).one())
    kept = str(row).encode() + bytes(row.totp_secret)
    for secret in (phone.secret, phone.secret.hex().encode(), phone.recovery[0].encode()):
        assert secret not in kept
    assert codes.plain(phone.recovery[0]).encode() not in kept


def test_who_must_have_one_cannot_take_it_away_but_an_administrator_can(phone: Phone) -> None:
    house = phone.house
    with pytest.raises(StateConflict, match="second_factor_needed"):
        house.database.write(house.org, second_factor.remove, phone.session, house.clock())
    signed_in = phone.finish(phone.ticket(), phone.code())
    assert signed_in is not None
    house.database.write(house.org, second_factor.reset, house.org, phone.session.member.member_id, house.boss)
    assert not house.is_in(signed_in)
    assert house.signed_in("ada@example.com").session.must_enrol
    assert [row["action"] for row in house.audit()].count("member.second_factor_removed") == 1


def test_another_session_without_the_factor_is_over_when_it_is_set_up(house: House) -> None:
    house.member("ada", "global_administrator")
    other = house.signed_in("ada@example.com")
    Phone(house, "ada@example.com")
    assert not house.is_in(other)


def test_setting_it_up_twice_needs_taking_it_away_first(phone: Phone) -> None:
    house = phone.house
    with pytest.raises(StateConflict, match="second_factor_kept"):
        house.database.write(
            house.org, second_factor.enrol, house.app.vault, phone.session, phone.code(), house.clock()
        )


def test_another_password_stops_whoever_is_on_the_way_in_with_the_old_one(phone: Phone) -> None:
    ticket, house = phone.ticket(), phone.house
    member_id = phone.session.member.member_id
    set_password(house.database, house.org, member_id, "another one of these", house.boss)
    assert phone.finish(ticket, phone.code()) is None
