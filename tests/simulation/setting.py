"""Whom a world is made of: organizations with their lots, their users and what calls cost."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

from talktime.core.call_types import CallType
from talktime.core.calls import Asked
from talktime.core.prices import PriceKind, PriceList, Prices, Row
from talktime.core.time import MINUTE, NEVER, SECOND

START = 1_900_000_000 * SECOND
MICROS = 1_000_000
USERS = ("ann", "bob", "queue")
Version = dict[str, Any]

# Kind, prefix, price of a minute, connection fee, first increment, further increments.
ORDINARY = [
    ("outbound", "44", 100_000, 0, 60, 60),
    ("outbound", "447", 250_000, 50_000, 30, 6),
    ("outbound", "1", 12_500, 0, 6, 6),
    ("outbound", "33", 33_333, 70_000, 1, 1),
    ("outbound", "49", 7, 0, 60, 1),
    ("outbound", "39", 0, 0, 60, 60),
    ("outbound", "353", 0, 120_000, 60, 60),
    ("outbound", "881", 4_000_000, 1_000_000, 30, 30),
    ("conference", "44", 155_555, 10_000, 60, 6),
    ("conference", "4420", 61_003, 0, 1, 1),
    ("toll_free", "1800", 41_239, 0, 60, 60),
]
DEARER = [
    (kind, prefix, per_minute * 3, fee, first, step + 4) for kind, prefix, per_minute, fee, first, step in ORDINARY
]
FEWER = [row for row in ORDINARY if row[1] not in ("33", "4420")]

NUMBERS = ("+442079460000", "+447700900123", "+12025550100", "+33123456789", "+4930123456", "+390612345678")
RARE_NUMBERS = ("+35315550100", "+881612345678", "+18005550100", "+819012345678", "0112", "+0123456789")


def price_lists() -> dict[str, list[Version]]:
    """The operator's default list, a second one with cents only, and one of which nothing is published yet."""
    return {
        "default": [{"published": START - MINUTE, "decimals": 4, "rows": ORDINARY}],
        "cents": [{"published": START - MINUTE, "decimals": 2, "rows": FEWER}],
        "later": [],
    }


def next_version(chance: Random, at: int) -> Version:
    return {"published": at, "decimals": chance.choice([2, 3, 4, 6]), "rows": chance.choice([ORDINARY, DEARER, FEWER])}


def as_prices(lists: dict[str, list[Version]]) -> Prices:
    """The same for the engine."""
    versions = [
        (name, version["published"], PriceList(version["decimals"], [_row(*row) for row in version["rows"]]))
        for name, mine in lists.items()
        for version in mine
    ]
    return Prices(versions, {"USD": "default"})


def _row(kind: str, prefix: str, per_minute: int, fee: int, first: int, step: int) -> Row:
    return Row(prefix, "", per_minute, fee, first, step, PriceKind(kind))


class LotPlan(Struct, frozen=True):
    lot_id: str
    amount: int
    purchased_at: int
    expires_at: int
    priority: int = 100
    promotional: bool = False


class OrgPlan(Struct, frozen=True):
    org_id: int
    lots: list[LotPlan]
    slice_seconds: int = 300
    max_call_seconds: int = 3600
    grace_seconds: int = 120
    price_list: str | None = None
    clock_at: int | None = None


def some_org(chance: Random, org_id: int) -> OrgPlan:
    lots = [some_lot(chance, f"lot{org_id}-{n}", START) for n in range(chance.choice([0, 1, 2, 3, 4]))]
    return OrgPlan(
        org_id,
        lots,
        slice_seconds=chance.choice([20, 60, 90, 300, 300]),
        max_call_seconds=chance.choice([200, 600, 1800, 3600]),
        grace_seconds=chance.choice([10, 120]),
        price_list=chance.choice([None, None, None, None, None, "cents", "cents", "later"]),
        clock_at=START if chance.random() < 0.15 else None,
    )


def some_lot(chance: Random, lot_id: str, at: int) -> LotPlan:
    ends = chance.choice([NEVER, at + chance.randrange(1, 60) * MINUTE, at + chance.randrange(1, 15) * MINUTE])
    promotional = chance.random() < 0.3
    priority = chance.choice([50, 100, 200]) if promotional else 100
    return LotPlan(lot_id, some_amount(chance), at - chance.randrange(2) * MINUTE, ends, priority, promotional)


def some_amount(chance: Random) -> int:
    whole = chance.choice([300_000, 1 * MICROS, 4 * MICROS])
    return max(chance.choice([whole, chance.randrange(whole), chance.randrange(1, whole) // 10_000 * 10_000]), 1)


def some_call(chance: Random) -> Asked:
    """Mostly somebody who calls abroad."""
    ordinary = chance.random() < 0.8
    return Asked(
        CallType.USER_OUT if ordinary else chance.choice([*CallType]),
        chance.choice(NUMBERS if chance.random() < 0.9 else RARE_NUMBERS),
        chance.choice(USERS) if chance.random() < 0.97 else chance.choice([None, "nobody"]),
        requested_seconds=chance.choice([1, 45, 120, 1000]) if chance.random() < 0.08 else None,
    )
