"""What a call in progress has cost so far, as if it ended now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from talktime.core.calls import Call
from talktime.core.pool_minutes import whole_minutes
from talktime.core.rates import price
from talktime.core.reach import MINUTE_SECONDS
from talktime.core.time import SECOND
from talktime.core.usage import Payer
from talktime.portal.calls.lines import Line

PAID = (Payer.CREDITS, Payer.POSTPAID)


class Running(NamedTuple):
    line: Line
    seconds: int | None
    """None: it rings."""
    minutes: int
    """Of its pool."""
    cost: int
    held: int
    asked: bool
    """Whether somebody wants it ended."""

    @property
    def call(self) -> Call:
        return self.line.call

    @property
    def payer(self) -> str:
        return self.line.payers[-1] if self.line.payers else Payer.NONE.value


def running(line: Line, now: int, asked: bool = False) -> Running:
    call = line.call
    held = sum([part.amount for part in call.drawn])
    if call.answered_at is None:
        return Running(line, None, 0, 0, held, asked)
    seconds = min(max((now - call.answered_at) // SECOND, 0), call.seconds)
    minutes = min(whole_minutes(seconds), call.minutes) if call.terms and call.terms.pool else 0
    return Running(line, seconds, minutes, _cost(call, seconds - minutes * MINUTE_SECONDS), held, asked)


def _cost(call: Call, rest: int) -> int:
    """Of what no pool pays."""
    return price(call.rate, rest) if call.terms and call.terms.payer in PAID else 0


class Totals(NamedTuple):
    calls: int
    ringing: int
    held: int
    minutes: int
    """Held of pools."""
    cost: int
    an_hour: int
    """What credits would pay in an hour if all went on."""


def totals_of(calls: Sequence[Running]) -> Totals:
    paid = [one for one in calls if one.seconds is not None and one.payer == Payer.CREDITS.value]
    return Totals(
        calls=len(calls),
        ringing=sum([one.seconds is None for one in calls]),
        held=sum([one.held for one in calls]),
        minutes=sum([one.call.minutes for one in calls]),
        cost=sum([one.cost for one in calls]),
        an_hour=sum([one.call.rate.per_minute for one in paid]) * MINUTE_SECONDS,
    )
