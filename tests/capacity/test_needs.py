"""The arithmetic, line by line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from talktime.capacity.found import Measured
from talktime.capacity.needs import Basis, Need, needs
from tests.capacity.arithmetic import worked_out
from tests.capacity.figures import POSTGRESQL

SQLITE = replace(
    POSTGRESQL, database="sqlite", lanes=1, database_cpu=None, logged_bytes=None, asked_bytes=None, told_bytes=None
)


def needed(calls_per_second: int, call_seconds: int = 180, found: Measured = POSTGRESQL) -> dict[str, Need]:
    return {need.what: need for need in needs(found, calls_per_second, call_seconds)}


def values(told: dict[str, Need]) -> dict[str, float]:
    return {what: round(need.value, 6) for what, need in told.items()}


def test_a_hundred_calls_a_second() -> None:
    assert values(needed(100)) == {
        "requests": 300,
        "calls in progress": 18_000,
        "cores that the server computes on": 0.07,
        "server processes": 2,
        "cores that the database computes on": 0.056,
        "database machines": 3,
        "database connections": 36,
        "commits": 10,
        "time that disks flush": 0.01,
        "calls": 86_400_000,
        "disk": 172.8,
        "log written": 0.6,
        "log archived": 518.4,
        "network from switches": 0.8,
        "network to switches": 1.2,
        "network to databases": 2.4,
        "network from databases": 0.48,
        "network to standbys": 9.6,
        "memory for calls in progress": 16.2,
        "memory of server processes": 200,
    }


def test_ten_thousand_need_a_cluster() -> None:
    told = values(needed(10_000))
    wanted = {"cells": 1, "Citus workers": 4, "shards": 64, "database machines": 15, "server processes": 14}
    assert {what: told[what] for what in wanted} == wanted


def test_a_hundred_thousand_need_eight_cells() -> None:
    """70 cores of servers; 168 of plain databases in eight cells of 21, and half busy with 16 cores each."""
    told = values(needed(100_000))
    wanted = {"cells": 8, "Citus workers": 32, "shards": 512, "database machines": 120, "server processes": 140}
    assert {what: told[what] for what in wanted} == wanted


def test_what_is_more_than_was_measured_says_so() -> None:
    assert needed(1_000)["server processes"].basis is Basis.MEASURED
    assert needed(1_001)["server processes"].basis is Basis.EXTRAPOLATED
    assert needed(10_000)["Citus workers"].basis is Basis.ASSUMED
    assert needed(100)["disk"].arithmetic == "86,400,000 calls x 2,000 bytes in tables and indexes"


def test_long_calls_ask_for_more_before_their_grant_ends() -> None:
    """A grant of 300 s is asked to grow after 240, the next ones 300 later each."""
    wanted = {240: 3, 241: 4, 540: 4, 541: 5, 3_600: 3 + 12}
    assert {seconds: needed(100, seconds)["requests"].value / 100 for seconds in wanted} == wanted


def test_a_call_that_asks_for_more_costs_and_writes_more() -> None:
    wanted = {
        "cores that the server computes on": 0.07,
        "log written": 0.6,
        "log archived": 518.4,
        "network from switches": 0.8,
        "network to databases": 2.4,
        "network to standbys": 9.6,
    }
    long = needed(100, 241)
    assert {what: long[what].value for what in wanted} == pytest.approx(
        {what: value * 4 / 3 for what, value in wanted.items()}
    )
    assert long["log written"].arithmetic == "100 calls x 8,000 bytes of write-ahead log"


def test_the_disk_of_another_database_is_assumed_to_be_like_the_one_that_was_measured() -> None:
    assert needed(100)["time that disks flush"].basis is Basis.ASSUMED
    assert needed(100, found=SQLITE)["time that disks flush"].basis is Basis.MEASURED


def test_a_few_calls_fit_into_one_process_with_its_own_database() -> None:
    told = needed(100, found=SQLITE)
    assert told["server processes"].value == 1
    assert told["database machines"].value == 0
    assert "database connections" not in told


def test_more_than_an_embedded_database_carries_is_reckoned_as_if_the_other_cost_as_much() -> None:
    told = needed(800, found=SQLITE)
    assert told["server processes"].value == 2
    assert told["database machines"].value == 3
    assert told["cores that the database computes on"].basis is Basis.ASSUMED
    assert "log written" not in told


def test_what_coordinators_pass_on_is_assumed_and_an_embedded_database_has_no_network() -> None:
    assert "network within cells" not in needed(100)
    within = needed(10_000)["network within cells"]
    assert (within.value, within.basis) == (288, Basis.ASSUMED)
    for calls in (100, 800):
        assert not {"network to databases", "network from databases"} & set(needed(calls, found=SQLITE))


# ---------------------------------------------------------------- each line can be worked out again

UNEVEN = replace(POSTGRESQL, server_cpu=0.000289, database_cpu=0.000175, commands_a_batch=56.4, flush=0.00063)


@pytest.mark.parametrize("calls", [1, 100, 1_000, 10_000, 100_000])
@pytest.mark.parametrize("seconds", [180, 3_600])
@pytest.mark.parametrize("found", [POSTGRESQL, SQLITE, UNEVEN], ids=["postgresql", "sqlite", "uneven"])
def test_the_arithmetic_of_every_line_gives_its_figure(found: Measured, seconds: int, calls: int) -> None:
    for need in needs(found, calls, seconds):
        if need.what == "database machines" and need.value == 0:
            assert need.arithmetic == "SQLite is in the server process"
        else:
            assert worked_out(need) == pytest.approx(need.value, rel=0.01), need


def test_another_figure_than_the_arithmetic_gives_is_seen() -> None:
    right = Need("log written", 0.6, "MB a second", "100 calls x 6,000 bytes of write-ahead log", Basis.MEASURED)
    wrong = [right._replace(arithmetic=told) for told in ("100 x 600", "100 / 6,000", "0 x 6,000", "100 + 6,000")]
    assert worked_out(right) == pytest.approx(0.6)
    assert [one for one in wrong if worked_out(one) == pytest.approx(0.6, rel=0.01)] == []
