"""Whom a world is made of: organizations with their lots, their users and what calls cost."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct, field

from talktime.core.call_types import OF_SERVICE_NUMBERS, CallType
from talktime.core.calls import Asked
from talktime.core.pool_sizes import PoolName
from talktime.core.prices import PriceKind, PriceList, Prices, Row
from talktime.core.time import MINUTE, NEVER, SECOND

# Ten minutes before a month ends in UTC, some hours after it or before it elsewhere.
START = 1_901_231_400 * SECOND
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
    ("outbound", "263", 300_000, 0, 60, 60),
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
ELSEWHERE = ("+14165550117", "+17872345678", "+26342345678", "+18765550117", "+68221234")
SPECIAL = ("+448449460117", "+449098790117", "+33899123456", "+19002345678", "911", "112", "999")
FREEPHONE = "+18005550100"
"""The one toll-free number that every organization has."""

HOMES = ("GB", "US", "FR", "CA", "PR")
PAYING = ("MCOMEETACPEA", "MCOPSTNPP", "MCOPSTN_PAYG_1")
LICENCES = (
    PAYING,
    ("MCOMEETADD", "MCOPSTN1", "MCOPSTNPP"),
    ("MCOMEETADD", "MCOPSTN1"),
    ("MCOMEETADD_DIALOUT_US", "MCOPSTN2", "MCOPSTNPP"),
    ("MCOMEETADD_DIALOUT_US", "MCOPSTN2"),
    ("ENTERPRISEPREMIUM", "MCOPSTN8", "MCOPSTNPP"),
    ("MCOPSTN_PAYG_1", "MCOPSTN2", "MCOMEETACPEA", "MCOMEETADD", "MCOPSTNPP"),
    ("MCOMEETACPEA", "MCOPSTN_PAYG_1"),
    ("MCOPSTN1", "MCOMEETADD", "MCOPSTNPP"),
    ("MCOEV", "MCOPSTNPP"),
)
POLICIES = (
    None,
    None,
    None,
    "DialoutCPCandPSTNDomestic",
    "DialoutCPCZoneAPSTNInternational",
    "DialoutCPCandPSTNDisabled",
)
SHARED_POOLS = ("MCOMEETADD", "MCOMEETADD_DIALOUT_US")


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


class PersonPlan(Struct, frozen=True):
    home: str = "GB"
    codes: tuple[str, ...] = PAYING


class OrgPlan(Struct, frozen=True):
    org_id: int
    lots: list[LotPlan]
    slice_seconds: int = 300
    max_call_seconds: int = 3600
    grace_seconds: int = 120
    price_list: str | None = None
    clock_at: int | None = None
    people: dict[str, PersonPlan] = field(default_factory=lambda: {name: PersonPlan() for name in USERS})
    time_zone: str = "UTC"
    country: str = "GB"
    postpaid: bool = False
    guard: dict[str, Any] = {}
    """Limits of the fraud guard by their names; money in micros. What is missing is no limit."""

    @property
    def pool_names(self) -> list[PoolName]:
        """All that its people's licences may use, now or later."""
        shared = [PoolName(code) for code in SHARED_POOLS]
        homes = sorted({"US" if person.home == "PR" else person.home for person in self.people.values()})
        of_plans = [PoolName(code, home) for code in ("MCOPSTN1", "MCOPSTN2") for home in homes]
        own = [PoolName("MCOPSTN8", person.home, f"usr_{name}") for name, person in self.people.items()]
        return shared + of_plans + own


def some_org(chance: Random, org_id: int) -> OrgPlan:
    lots = [some_lot(chance, f"lot{org_id}-{n}", START) for n in range(chance.choice([0, 1, 2, 3, 4]))]
    # In some everybody pays as he goes, so that many are after the same money.
    licences = (lambda _: PAYING) if chance.random() < 0.5 else some_licences
    return OrgPlan(
        org_id,
        lots,
        slice_seconds=chance.choice([20, 60, 90, 300, 300]),
        max_call_seconds=chance.choice([200, 600, 1800, 3600]),
        grace_seconds=chance.choice([10, 120]),
        price_list=chance.choice([*[None] * 7, "cents", "cents", "later"]),
        clock_at=START if chance.random() < 0.15 else None,
        people={name: PersonPlan(chance.choice(HOMES), licences(chance)) for name in USERS},
        time_zone=chance.choice(["UTC", "UTC", "UTC", "Asia/Kolkata", "America/Phoenix"]),
        country=chance.choice(["GB"] * 14 + ["KR"]),
        postpaid=chance.random() < 0.1,
        guard=some_guard(chance),
    )


def some_licences(chance: Random) -> tuple[str, ...]:
    return chance.choice(LICENCES)


def some_guard(chance: Random) -> dict[str, Any]:
    limits: dict[str, Any] = {
        "concurrent_calls": chance.choice([2, 4, 8]),
        "spend_per_hour": chance.choice([500_000, 2 * MICROS]),
        "new_destinations_per_day": chance.choice([2, 4]),
        "call_seconds": chance.choice([100, 150, 700]),
        "international": False,
        "high_risk": False,
    }
    if chance.random() < 0.5:
        return {}
    return {name: limits[name] for name in limits if chance.random() < 0.25}


def some_size(chance: Random) -> tuple[int, int]:
    """Small, so that pools run dry all the time."""
    return chance.choice([0, 1, 3, 7, 12, 30, 60]), chance.choice([0, 4, 9, 30])


def some_lot(chance: Random, lot_id: str, at: int) -> LotPlan:
    ends = chance.choice([NEVER, at + chance.randrange(1, 60) * MINUTE, at + chance.randrange(1, 15) * MINUTE])
    promotional = chance.random() < 0.3
    priority = chance.choice([50, 100, 200]) if promotional else 100
    return LotPlan(lot_id, some_amount(chance), at - chance.randrange(2) * MINUTE, ends, priority, promotional)


def some_amount(chance: Random) -> int:
    whole = chance.choice([300_000, 1 * MICROS, 4 * MICROS])
    return max(chance.choice([whole, chance.randrange(whole), chance.randrange(1, whole) // 10_000 * 10_000]), 1)


def some_call(chance: Random) -> Asked:
    """Mostly somebody who calls abroad, on his own or from a meeting."""
    kind = chance.choices([CallType.USER_OUT, CallType.CONF_OUT, chance.choice([*CallType])], [5, 5, 1])[0]
    numbers = chance.choices([NUMBERS, ELSEWHERE, RARE_NUMBERS, SPECIAL], [75, 12, 6, 7])[0]
    if kind in OF_SERVICE_NUMBERS:
        numbers = (FREEPHONE, NUMBERS[0])
    return Asked(
        kind,
        chance.choice(numbers),
        chance.choice(USERS) if chance.random() < 0.97 else chance.choice([None, "nobody"]),
        requested_seconds=chance.choice([1, 45, 120, 1000]) if chance.random() < 0.08 else None,
    )
