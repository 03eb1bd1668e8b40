"""What is long over is forgotten; who is known takes as long as who is not."""

from __future__ import annotations

import time
from statistics import median

from sqlalchemy import func, select

from talktime.actions import resets
from talktime.actions.retention import forget
from talktime.actions.sessions import open_session
from talktime.actions.upkeep import forget_attempts
from talktime.core.retention import USUAL, Kept
from talktime.core.time import DAY, MINUTE
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, ReadTx
from tests.sign_in.conftest import HERE, House


def counted(house: House) -> list[int]:
    def rows(tx: ReadTx) -> list[int]:
        tables = (t.sessions, t.tickets, t.attempts)
        return [tx.scalar(select(func.count()).select_from(one)) or 0 for one in tables]

    return house.database.read(EVERYBODY, rows)


def forgotten(house: House) -> int:
    at = house.clock()
    return forget(house.database, USUAL, at, house.app.settings.outbox)[Kept.SIGN_INS] + forget_attempts(
        house.database, at
    )


def test_sessions_links_and_attempts_are_forgotten_when_they_are_long_over(house: House) -> None:
    member = house.member("ada")
    house.database.write(house.org, open_session, house.org, member, HERE, house.clock(), False)
    resets.ask(house.database, house.app.vault, "ada@example.com", HERE.address, house.clock())
    assert forgotten(house) == 0
    before = counted(house)
    assert all(before)
    house.clock.at += 31 * DAY
    assert forgotten(house) == sum(before)
    assert counted(house) == [0, 0, 0]


def asked(house: House, email: str) -> float:
    house.clock.at += 15 * MINUTE
    began = time.process_time()
    resets.ask(house.database, house.app.vault, email, HERE.address, house.clock())
    return time.process_time() - began


def test_asking_for_a_new_password_takes_as_long_for_whoever_asks(sqlite_house: House) -> None:
    """Q15: at most 5 ms apart."""
    sqlite_house.member("ada")
    emails = ("ada@example.com", "nobody@example.com")
    pairs = [[asked(sqlite_house, email) for email in emails] for _ in range(12)][1:]
    assert abs(median(known - unknown for known, unknown in pairs)) <= 0.005
