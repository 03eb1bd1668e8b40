"""The usage rows of a call: a row for each who paid a part of it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talktime.core.calls import Call, Settled, Terms, UsageRow
from talktime.core.ids import uuid7_of
from talktime.core.pool_minutes import whole_minutes
from talktime.core.time import SECOND
from talktime.core.usage import Payer, Usage

LONGEST = 1 << 62
"""Longer than any call, and what a column can keep."""


class PartOf(Struct, frozen=True, gc=False):
    """What one payer pays of a call."""

    payer: Payer
    capability: str
    seconds: int
    billed: int
    fee: int = 0
    charge: int = 0

    @property
    def minutes(self) -> int:
        return whole_minutes(self.billed)


def settled_of(call: Call, parts: Sequence[PartOf], shortfall: int) -> Settled:
    """What the switch is told, with the ids under which it is reported."""
    rows = [
        UsageRow(usage_id(call, number), part.capability, part.payer.value, part.minutes, part.charge)
        for number, part in enumerate(parts)
    ]
    pool_minutes = sum([part.minutes for part in parts if part.payer is Payer.POOL])
    fee = sum([part.fee for part in parts])
    charge = sum([part.charge for part in parts])
    return Settled(charge, shortfall, sum([part.billed for part in parts]), fee, tuple(rows), pool_minutes)


def usage_id(call: Call, number: int) -> str:
    at = call.opened_at if call.started_at is None else call.started_at
    return uuid7_of(at, f"usage:{call.org_id}:{call.call_id}:{number}")


def usage_of(call: Call, parts: Sequence[PartOf], settled: Settled, currency: str, key: str) -> list[Usage]:
    """The rows as reports read them. A part begins when the one before it ends."""
    found: list[Usage] = []
    start = call.opened_at if call.started_at is None else call.started_at
    for number, (part, row) in enumerate(zip(parts, settled.rows, strict=True)):
        found.append(_usage(call, number, part, row.usage_id, start, currency, key))
        start += part.seconds * SECOND
    return found


def _usage(call: Call, number: int, part: PartOf, made_id: str, start: int, currency: str, key: str) -> Usage:
    asked, terms = call.asked, call.terms or Terms()
    assert asked is not None
    return Usage(
        call.org_id,
        made_id,
        call.call_id,
        number,
        asked.call_type.value,
        terms.user_id,
        terms.location,
        terms.caller,
        asked.to,
        terms.number_type,
        terms.context,
        terms.destination,
        asked.conference_id or "",
        start,
        min(part.seconds, LONGEST),
        min(part.minutes, LONGEST),
        part.fee,
        part.charge,
        call.rate.charge_decimals,
        currency,
        part.capability,
        part.payer.value,
        key if part.payer is Payer.CREDITS and part.charge else "",
    )
