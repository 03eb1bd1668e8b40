"""Q20, for what there is: prices by the time of the week in every zone, and the clocks of test organizations.

What local time it is, is asked of the C library, which reads the same files with another program than Python's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.clock import SteadyClock
from talktime.core.prices import PriceKind, PriceList, Row, Window
from talktime.core.time import DAY, MINUTE, SECOND, instant, moment
from tests.http.shop import Json, Organization, Shop, good, place
from tests.support.server import serving

ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Riga",
    "America/New_York",
    "America/St_Johns",  # half an hour beside the others
    "America/Havana",  # midnight is missing once a year, and is there twice
    "America/Sao_Paulo",  # as well, until 2019
    "Africa/Casablanca",  # summer time is the usual one, and winter comes with Ramadan
    "Asia/Kathmandu",  # 5:45
    "Asia/Pyongyang",  # moved by half an hour, and back
    "Australia/Lord_Howe",  # summer time is half an hour
    "Pacific/Chatham",  # 12:45, and summer time
)
YEARS = range(2015, 2038)
DAYS = (1, 2, 3, 4, 5, 6, 7)


def zone_files(zone: str) -> Path:
    """The ones Python reads: those of the system, or else those that come with the program."""
    folders = [Path(folder) for folder in TZPATH]
    return next((one for one in folders if (one / zone).exists()), Path(str(files("tzdata") / "zoneinfo")))


@contextmanager
def c_library(zone: str) -> Iterator[None]:
    """`time.localtime` is in this zone."""
    before = {name: os.environ.get(name) for name in ("TZ", "TZDIR")}
    os.environ |= {"TZ": zone, "TZDIR": str(zone_files(zone))}
    time.tzset()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        time.tzset()


def weekday_and_minute(at: int) -> tuple[int, int]:
    local = time.localtime(at // SECOND)
    return local.tm_wday + 1, local.tm_hour * 60 + local.tm_min


# ---------------------------------------------------------------------------------------------- times of the week

NIGHT, MORNING, EVENING = 22 * 60, 6 * 60, 18 * 60
WEEK = (
    # Each minute of the week is in one of these and no other; each has a price of its own.
    *[Window((day,), NIGHT, MORNING, 100 + day) for day in DAYS],
    *[Window((day,), MORNING, EVENING, 200 + day) for day in DAYS],
    *[Window((day,), EVENING, NIGHT, 300 + day) for day in DAYS],
)


def price_by_the_clock(weekday: int, minute: int) -> int:
    """What the week says, put another way: in minutes since Monday's morning."""
    since_monday = ((weekday - 1) * 1440 + minute - MORNING) % (7 * 1440)
    day, since_morning = since_monday // 1440 + 1, since_monday % 1440
    if since_morning < EVENING - MORNING:
        return 200 + day
    return (300 if since_morning < NIGHT - MORNING else 100) + day


def changes_of(zone: str) -> list[int]:
    """The instants at which local time jumps, to the minute."""
    found = []
    at, end = instant(datetime(YEARS.start, 1, 1, tzinfo=UTC)), instant(datetime(YEARS.stop, 1, 1, tzinfo=UTC))
    with c_library(zone):
        offset = time.localtime(at // SECOND).tm_gmtoff
        while at < end:
            if time.localtime((at + DAY) // SECOND).tm_gmtoff != offset:
                found.append(_exactly(at, at + DAY, offset))
                offset = time.localtime((at + DAY) // SECOND).tm_gmtoff
            at += DAY
    return found


def _exactly(before: int, after: int, offset: int) -> int:
    while after - before > MINUTE:
        middle = (before + after) // 2 // MINUTE * MINUTE
        before, after = (middle, after) if time.localtime(middle // SECOND).tm_gmtoff == offset else (before, middle)
    return after


def instants_of(zone: str) -> list[int]:
    """Around each change, around the ends of each month, and leap days: every quarter of an hour."""
    months = [instant(datetime(year, month, 1, tzinfo=UTC)) for year in YEARS for month in range(1, 13)]
    leap_days = [instant(datetime(year, 2, 29, tzinfo=UTC)) for year in YEARS if year % 4 == 0]
    spans = [(at, 3 * 3600 * SECOND) for at in changes_of(zone)]
    spans += [(at, 15 * 3600 * SECOND) for at in (*months, *leap_days)]
    return [at + step for at, width in spans for step in range(-width, width + 1, 15 * MINUTE)]


@pytest.mark.parametrize("zone", ZONES)
def test_a_call_has_the_price_of_the_local_time_at_which_it_begins(zone: str) -> None:
    prices = PriceList(4, [Row("44", "United Kingdom", 1, windows=WEEK)])
    instants = instants_of(zone)
    # To the second, at the changes themselves.
    instants += [at + near for at in changes_of(zone) for near in (-1, 0, 1, 59 * SECOND)]
    wrong = []
    with c_library(zone):
        for at in instants:
            rate = prices.find((PriceKind.OUTBOUND,), "+442079460123", at, zone)
            wanted = price_by_the_clock(*weekday_and_minute(at))
            if rate is None or rate.per_minute != wanted:
                wrong.append(f"{moment(at)}: {rate and rate.per_minute}, and {wanted} is right")
    assert wrong == []
    assert len(instants) > 30_000


def test_the_zones_have_what_is_hard() -> None:
    """Else the test above would show nothing: changes that are not whole hours, at midnight, and none at all."""
    changes = {zone: changes_of(zone) for zone in ZONES}
    assert changes["UTC"] == changes["Asia/Kathmandu"] == []
    assert len(changes["Asia/Pyongyang"]) == 2
    assert all(len(changes[zone]) == 2 * len(YEARS) for zone in ("Europe/London", "Europe/Riga", "Pacific/Chatham"))
    with c_library("America/Havana"):
        assert 0 in {time.localtime(at // SECOND - 1).tm_hour for at in changes["America/Havana"]}


def test_a_week_that_is_read_wrongly_is_noticed() -> None:
    """An hour's difference is seen, and so is a weekday that is taken from another zone."""
    at = instant(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    with c_library("Europe/Riga"):
        shifted = {price_by_the_clock(*weekday_and_minute(at + hour * 3600 * SECOND)) for hour in range(24)}
    assert len(shifted) == 4


# ---------------------------------------------------------------------------------------------- over HTTP

ODD_INSTANTS = (
    "2028-02-29T00:00:00Z",  # a leap day
    "2028-02-29T23:59:59.999999Z",
    "2028-03-01T00:00:00Z",
    "2028-03-26T01:00:00Z",  # Europe's summer time begins
    "2028-03-31T21:00:00Z",  # midnight in Riga
    "2028-05-31T23:59:60Z",
    "2028-10-29T01:00:00Z",  # and ends
    "2028-12-31T10:14:59Z",  # the year ends in Chatham
    "2028-12-31T23:59:59.5Z",
)
START = "2028-01-31T12:00:00Z"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("calendar")
    with (
        place(request.param, folder, lambda: request.getfixturevalue("postgres")) as where,
        serving(where) as server,
    ):
        shop = Shop.opened(server.url, server.operator_key)
        yield shop
        shop.close()


def at_start(shop: Shop, zone: str = "UTC") -> Organization:
    org = shop.organization(mode="test", time_zone=zone)
    good(org.clock(START))
    return org


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("ends", [one for one in ODD_INSTANTS if ":60" not in one])
def test_a_lot_is_there_until_its_instant_and_then_it_is_gone(shop: Shop, ends: str) -> None:
    org = at_start(shop)
    org.grant("5", expires_at=ends)
    org.grant("2")
    good(org.clock(text(datetime.fromisoformat(ends) - timedelta(microseconds=1))))
    assert org.balance()["balance"] == "7"
    good(org.clock(ends))
    assert org.balance()["balance"] == "2"
    newest = org.rows("/v1/entries")[0]
    assert (newest["kind"], newest["amount"]) == ("expiry", "-5")
    assert datetime.fromisoformat(newest["at"]) == datetime.fromisoformat(ends)


def test_a_leap_second_is_no_instant(shop: Shop) -> None:
    org = at_start(shop)
    answer = org.clock("2028-05-31T23:59:60Z")
    assert (answer.status, answer.code) == (422, "invalid_value")


@pytest.mark.parametrize("zone", ZONES)
def test_the_window_is_that_of_the_organizations_zone(shop: Shop, zone: str) -> None:
    """A change of summer time, or a month's end, asked over HTTP."""
    after = [at for at in changes_of(zone) if at > instant(datetime.fromisoformat(START))]
    at = after[0] if after else instant(datetime(2028, 3, 1, tzinfo=UTC))
    day = {"from": "06:00", "to": "22:00", "per_minute": "0.5"}
    windows = [{"days": "1-7"} | day, {"days": "1-7", "from": "22:00", "to": "06:00", "per_minute": "0.25"}]
    rows = [{"prefix": "44", "per_minute": "9", "windows": windows}]
    org = shop.organization("1000", mode="test", time_zone=zone, price_list=shop.price_list(default=False, rows=rows))
    for hours in (-7, -1, 0, 1, 2, 7):
        then = at + hours * 3600 * SECOND
        good(org.clock(text(moment(then))))
        told = good(org.api.post("/v1/calls/authorize", org.call(f"c{hours}")))
        with c_library(zone):
            _, minute = weekday_and_minute(then)
        assert told["rate"]["per_minute"] == ("0.5" if 360 <= minute < 1320 else "0.25"), (zone, hours)


# ---------------------------------------------------------------------------------------------- a year


def lived(shop: Shop, stops: Sequence[datetime]) -> dict[str, Json]:
    """A year with lots that end, and calls that nobody ends; the clock stops here and there on its way."""
    org = at_start(shop)
    start = datetime.fromisoformat(START)
    for n in range(24):
        org.grant(f"{n + 1}", expires_at=text(start + timedelta(days=15 * (n + 1), microseconds=n)), priority=n % 3)
    org.grant("50")
    for n, ends in enumerate(one for one in ODD_INSTANTS if ":60" not in one):
        org.grant(f"0.{n + 1}", expires_at=ends)
    for n in range(6):
        good(org.api.post("/v1/calls/authorize", org.call(f"call-{n}")))
        if n % 2:
            good(org.api.post("/v1/calls/answered", {"call_id": f"call-{n}"}))
    for stop in stops:
        good(org.clock(text(stop)))
    good(org.clock(text(start + timedelta(days=366))))
    return books(org)


def books(org: Organization) -> dict[str, Json]:
    """Without what is different because it is another organization: ids, and when it was granted."""
    rows = org.rows("/v1/lots")
    lots = {lot["id"]: f"{lot['amount']} until {lot['expires_at']}" for lot in rows}

    def known(cause: str) -> str:
        for lot, name in lots.items():
            cause = cause.replace(lot, name).replace(lot.removeprefix("lot_"), name)
        return cause

    entries: list[Json] = [
        {name: entry[name] for name in ("kind", "amount", "balance_after")}
        | {"lots": [(lots[one["lot"]], one["amount"]) for one in entry["lots"]], "cause": known(entry["cause"])}
        | {"at": entry["at"] if entry["kind"] != "grant" else START}
        for entry in org.rows("/v1/entries")
    ]
    calls = {call["call_id"]: [call[name] for name in ("state", "held", "charge")] for call in org.rows("/v1/calls")}
    left = {lots[lot["id"]]: [lot[name] for name in ("remaining", "held", "state")] for lot in rows}
    return {"entries": entries, "calls": calls, "lots": left, "balance": org.balance()["balance"]}


def test_a_year_in_steps_and_in_one_jump_has_the_same_books(shop: Shop) -> None:
    start = datetime.fromisoformat(START)
    at_once = lived(shop, [])
    kinds = [entry["kind"] for entry in at_once["entries"]]
    assert kinds.count("expiry") >= 24 and kinds.count("charge") == 3
    assert "open" not in {state for state, *_ in at_once["calls"].values()}
    assert lived(shop, [start + timedelta(days=30.5 * n) for n in range(1, 12)]) == at_once
    assert lived(shop, [start + timedelta(days=n, seconds=7 * n) for n in range(1, 366)]) == at_once
    # At every instant of something, a little before, and twice at the same.
    ends = [start + timedelta(days=15 * n, microseconds=shift) for n in range(1, 24) for shift in (-1, 0, 0, 5)]
    assert lived(shop, ends) == at_once


def test_a_clock_never_goes_back(shop: Shop) -> None:
    org = at_start(shop)
    org.grant("5", expires_at="2028-06-01T00:00:00Z")
    good(org.clock("2028-05-31T00:00:00Z"))
    for earlier in ("2028-05-30T23:59:59.999999Z", START, "1970-01-01T00:00:00Z", "2028-05-31T00:00:00+00:01"):
        answer = org.clock(earlier)
        assert (answer.status, answer.code) == (422, "clock_goes_forward"), earlier
        assert good(org.operator.get(org.path))["clock_at"] == "2028-05-31T00:00:00Z"
    good(org.clock("2028-05-31T00:00:00Z"))
    good(org.clock("2028-05-31T02:00:00+02:00"))
    good(org.clock("2028-06-01T00:00:00Z"))
    good(org.clock("2028-06-01T00:00:00Z"))
    instants = [datetime.fromisoformat(entry["at"]) for entry in org.rows("/v1/entries")]
    assert instants == sorted(instants, reverse=True)
    assert [entry["kind"] for entry in org.rows("/v1/entries")] == ["expiry", "grant"]


# ---------------------------------------------------------------------------------------------- the server's clock

steps = st.tuples(st.integers(0, 10**10), st.integers(-(10**18), 10**18))
"""What has really passed, and where the machine's clock is set to meanwhile, both in nanoseconds."""


@given(st.lists(steps, max_size=50))
def test_the_time_of_operations_never_goes_back_and_never_jumps(steps: list[tuple[int, int]]) -> None:
    machine: dict[str, Any] = {"wall": 10**18, "steady": 0}
    clock = SteadyClock(lambda: machine["wall"], lambda: machine["steady"])
    before = clock()
    for passed, shift in steps:
        machine["steady"] += passed
        machine["wall"] += passed + shift
        now = clock()
        assert before <= now
        # A tenth is the most that it goes too fast or too slowly; a microsecond is lost by rounding.
        assert abs((now - before) - passed // 1000) <= passed // 10_000 + 2
        before = now
