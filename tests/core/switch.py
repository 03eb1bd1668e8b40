"""What a switch says, in the words of the product, whoever keeps the books; and the prices that are told to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from talktime.core.call_types import CallType
from talktime.core.calls import (
    Answer,
    Answered,
    Asked,
    Authorize,
    Call,
    Command,
    Ended,
    Extend,
    Extended,
    Granted,
    Lapse,
    Record,
    Refusal,
    Refused,
    Release,
    Settle,
    Touch,
)
from talktime.core.lots import Lot
from talktime.core.money import decimal
from talktime.core.money import micros as usd
from talktime.core.prices import PriceKind, PriceList, Prices, Row
from talktime.core.rates import Rate
from talktime.core.time import DAY, SECOND, instant
from tests.core.audit import Snapshot

NOW = instant(datetime(2031, 3, 14, 9, 26, 53, 589_793, tzinfo=UTC))
YEAR = 365 * DAY

PAY_AS_YOU_GO = ("MCOMEETACPEA", "MCOPSTNPP", "MCOPSTN_PAYG_1")
"""Whoever holds these pays every call from credits, in meetings and outside."""
NO_GUARD = {
    "international": None,
    "premium": None,
    "high_risk": None,
    "concurrent_calls": None,
    "call_seconds": None,
    "spend_per_hour": None,
    "spend_per_day": None,
    "new_destinations_per_day": None,
}
"""What an operator says who trusts an organization: the fraud guard lets all pass and counts nothing."""
NO_LIMITS = json.dumps({"fraud": NO_GUARD})

UK, FRANCE, GERMANY, US, NOWHERE = "+442079460117", "+33199001234", "+4930901820", "+12025550117", "+9991234567"
TOLL_FREE, BRIDGE = "+448005550117", "+448715550117"
ROWS = (
    Row("44", "United Kingdom", usd("0.1")),
    Row("33", "France", usd("0.06"), usd("0.25"), 30, 6),
    Row("49", "Germany", 0),
    Row("1", "United States", usd("0.012345"), 0, 1, 1),
    Row("44800", "our toll-free number", usd("0.04"), kind=PriceKind.TOLL_FREE),
    Row("44871", "our bridge", usd("0.02"), kind=PriceKind.CONFERENCE),
)
UK_RATE = Rate("44", "United Kingdom", usd("0.1"))
FRANCE_RATE = Rate("33", "France", usd("0.06"), usd("0.25"), 30, 6)


def priced(*rows: Row) -> Prices:
    """The operator's list for US dollars, in force since ever."""
    return Prices([("standard", 0, PriceList(4, rows))], {"USD": "standard"})


def lot(lot_id: str, amount: str, ends: int = NOW + YEAR, **fields: Any) -> Lot:
    return Lot(lot_id, usd(amount), 0, **({"purchased_at": NOW - DAY, "expires_at": ends} | fields))


class Switch:
    """Speaks for one organization at an instant that only a test moves. Whoever keeps books says `run`."""

    def __init__(self) -> None:
        self.now = NOW
        self.org_id = 1

    def run(self, *commands: Command) -> list[Answer]:
        raise NotImplementedError

    def snapshot(self) -> Snapshot:
        raise NotImplementedError

    def later(self, seconds: int) -> None:
        self.now += seconds * SECOND

    # ----------------------------------------------------------------------------------------- commands

    def authorization(self, call_id: str, **asked: Any) -> Authorize:
        return Authorize(self.org_id, call_id, self.now, "key_1", self._asked(**asked), "1/edge")

    def _asked(self, **asked: Any) -> Asked:
        return Asked(**({"call_type": CallType.USER_OUT, "to": UK, "user": "ann"} | asked))

    def settlement(self, call_id: str, seconds: int, cause: str | None = None) -> Settle:
        return Settle(self.org_id, call_id, self.now, "key_1", seconds, cause)

    def extension(self, call_id: str, total: int) -> Extend:
        return Extend(self.org_id, call_id, self.now, "key_1", total)

    def recording(self, call_id: str, seconds: int, started_at: int | None = None, **asked: Any) -> Record:
        began = self.now if started_at is None else started_at
        asked |= {"started_at": began, "duration_seconds": seconds}
        return Record(self.org_id, call_id, self.now, "key_1", self._asked(**asked), "1/edge")

    def release_of(self, call_id: str, cause: str | None = None) -> Release:
        return Release(self.org_id, call_id, self.now, "key_1", cause)

    # ----------------------------------------------------------------------------------------- one at a time

    def say(self, command: Command) -> Answer:
        return self.run(command)[0]

    def authorize(self, call_id: str, **asked: Any) -> Answer:
        return self.say(self.authorization(call_id, **asked))

    def extend(self, call_id: str, total: int) -> Answer:
        return self.say(self.extension(call_id, total))

    def answered(self, call_id: str, at: int | None = None) -> Answer:
        return self.say(Answered(self.org_id, call_id, self.now, "key_1", at))

    def settle(self, call_id: str, seconds: int, cause: str | None = None) -> Answer:
        return self.say(self.settlement(call_id, seconds, cause))

    def release(self, call_id: str, cause: str | None = None) -> Answer:
        return self.say(self.release_of(call_id, cause))

    def lapse(self, call_id: str, lost: bool = False) -> Answer:
        return self.say(Lapse(self.org_id, call_id, self.now, "clock", lost))

    def touch(self) -> Answer:
        return self.say(Touch(self.org_id, "", self.now, "clock"))

    def record(self, call_id: str, seconds: int, started_at: int | None = None, **asked: Any) -> Answer:
        return self.say(self.recording(call_id, seconds, started_at, **asked))

    # ----------------------------------------------------------------------------------------- what is kept

    def money(self) -> tuple[str, str]:
        """What is posted, and how much of it is held."""
        mine = next(row for row in self.snapshot().accounts if row.org_id == self.org_id)
        return decimal(mine.posted), decimal(mine.held)

    def lots(self) -> dict[str, tuple[str, str]]:
        """What is posted and held of each lot that is not empty."""
        mine = [row for row in self.snapshot().lots if row.org_id == self.org_id and row.posted]
        return {row.lot_id: (decimal(row.posted), decimal(row.held)) for row in mine}

    def call(self, call_id: str) -> Call:
        return next(row.story for row in self.snapshot().calls if (row.org_id, row.call_id) == (self.org_id, call_id))

    def booked(self) -> dict[str, str]:
        """The amount of each entry by its key, but for those that only put money there."""
        mine = [row for row in self.snapshot().entries if row.org_id == self.org_id]
        return {row.key: decimal(row.amount) for row in mine if not row.key.startswith(("grant:", "debt"))}

    def postings(self, key: str) -> list[tuple[str, str, str]]:
        entry = next(row for row in self.snapshot().entries if (row.org_id, row.key) == (self.org_id, key))
        return [(one.source, one.destination, decimal(one.amount)) for one in entry.postings]


# ------------------------------------------------------------------------------------------------- what is answered


def granted(answer: Answer) -> Granted:
    assert isinstance(answer, Granted), answer
    return answer


def refused(answer: Answer) -> Refusal:
    assert isinstance(answer, Refused), answer
    return answer.reason


def extended(answer: Answer) -> Extended:
    assert isinstance(answer, Extended), answer
    return answer


def ended(answer: Answer) -> Ended:
    assert isinstance(answer, Ended), answer
    return answer


def paid(answer: Answer) -> tuple[str, str]:
    """What was charged, and what is a shortfall of ours."""
    settled = ended(answer).settled
    return decimal(settled.charge), decimal(settled.shortfall)


def parts(of: Sequence[tuple[str, int]]) -> dict[str, str]:
    return {lot_id: decimal(amount) for lot_id, amount in of}
