"""Q1, the fast part. The long one: `python -m tests.crash --rounds 500 --database sqlite`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, cycle, repeat
from random import Random
from typing import Any

import pytest

from talktime.core.calls import Call as StoredCall
from talktime.core.calls import CallState, Granted, Settled
from tests.crash import recharges, rounds
from tests.crash.clients import Call, Operation
from tests.crash.judge import Books, Wrong, judged
from tests.crash.rounds import (
    ALL_KILLED,
    BROKEN,
    DATABASE_KILLED,
    SERVER_KILLED,
    Broken,
    Damage,
    at_point,
    caught_after,
    damages,
    run,
)
from tests.crash.runner import POINTS
from tests.support.postgres import Cluster, new_cluster


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """A database server that may be killed; a killed process loses nothing that it gave to the system."""
    with new_cluster(fsync=False) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_killed_server_loses_nothing_on_sqlite() -> None:
    chance = Random(7)
    kinds = chain([SERVER_KILLED, SERVER_KILLED], [at_point(point, chance) for point in POINTS], repeat(SERVER_KILLED))
    figures = run("sqlite", 12, seed=2024, kinds=kinds)
    print(figures)
    assert [str(finding) for finding in figures.findings] == []
    assert figures.rounds == 12
    # Deaths that surprise nobody would lose nothing either.
    assert figures.in_doubt > 12
    assert figures.acknowledged > 300


@pytest.mark.slow
def test_killed_servers_and_databases_lose_nothing_on_postgresql(mortal: Cluster) -> None:
    points = [Damage("server dies", f"{point}:3") for point in ("before_commit", "after_commit", "statement")]
    kinds = cycle([DATABASE_KILLED, points[0], SERVER_KILLED, points[1], ALL_KILLED, points[2], DATABASE_KILLED])
    figures = run("postgresql", 8, seed=2024, kinds=kinds, cluster=mortal)
    print(figures)
    assert [str(finding) for finding in figures.findings] == []
    assert figures.rounds == 8
    assert figures.in_doubt > 8
    assert figures.acknowledged > 200
    # It got over it by itself.
    assert len(figures.recoveries) == 3


@pytest.mark.slow
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.dialect}: {broken.bug}")
def test_what_is_broken_is_caught(broken: Broken) -> None:
    assert caught_after(broken, seed=1) <= rounds.SELF_CHECK_ROUNDS_MAX


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_charges_charges_nobody_twice() -> None:
    figures = recharges.run(12, seed=1)
    print(figures)
    assert figures.findings == []
    assert figures.charges > 25


@pytest.mark.slow
def test_a_server_that_would_is_caught() -> None:
    assert recharges.caught(seed=1).findings != []


@pytest.mark.prove
@pytest.mark.parametrize(("dialect", "number"), [("sqlite", 500), ("postgresql", 250)])
def test_hundreds_of_crashes_lose_nothing(dialect: str, number: int) -> None:
    figures = run(dialect, number, seed=1)
    print(figures)
    assert figures.findings == []
    assert figures.rounds == number


def test_every_point_has_its_turn() -> None:
    """And as often as outside it dies at a random instant."""
    for dialect in rounds.DIALECTS:
        kinds = damages(dialect, Random(1))
        some = [next(kinds) for _ in range(2 * len(POINTS))]
        assert {one.point.partition(":")[0] for one in some if one.point} == set(POINTS)
        assert sum(not one.point for one in some) == len(POINTS)


# ------------------------------------------------------------------------------------------------- the judge


KEY = ("org_1", "c1")
GRANTED = {"decision": "granted", "granted_seconds": 300}
AUTHORIZE = Operation("authorize", {}, True, GRANTED)
SETTLE = Operation("settle", {"duration_seconds": 60}, True, {"charge": "0.1"})
UNANSWERED = Operation("settle", {"duration_seconds": 60}, True)


def stored(state: CallState, **fields: Any) -> StoredCall:
    answer = Granted(300, False, 240, 0, 500_000, None)
    return StoredCall(1, "c1", state, 0, answer=answer, seconds=300, **fields)


OPEN = stored(CallState.OPEN)
SETTLED = stored(CallState.SETTLED, settled=Settled(charge=100_000), talked_seconds=60)
CHARGED = [-100_000]


@pytest.mark.parametrize(
    ("asked", "there", "charges", "wrong"),
    [
        ([AUTHORIZE], OPEN, [], None),
        ([AUTHORIZE], None, [], Wrong.LOST),
        ([AUTHORIZE, SETTLE], SETTLED, CHARGED, None),
        ([AUTHORIZE, SETTLE], OPEN, [], Wrong.LOST),
        ([AUTHORIZE, SETTLE], None, [], Wrong.LOST),
        ([AUTHORIZE, SETTLE], SETTLED, [], Wrong.PARTIAL),
        ([AUTHORIZE, SETTLE], SETTLED, CHARGED * 2, Wrong.DOUBLED),
        ([AUTHORIZE, UNANSWERED], OPEN, [], None),
        ([AUTHORIZE, UNANSWERED], SETTLED, CHARGED, None),
        ([AUTHORIZE, UNANSWERED], OPEN, CHARGED, Wrong.PARTIAL),
        ([AUTHORIZE, UNANSWERED], None, [], Wrong.LOST),
        ([Operation("authorize", {}, True)], None, [], None),
        ([Operation("authorize", {})], OPEN, [], Wrong.PARTIAL),
    ],
)
def test_what_was_answered_must_be_there_and_what_was_not_may(
    asked: list[Operation], there: StoredCall | None, charges: list[int], wrong: Wrong | None
) -> None:
    books = Books(calls={KEY: there} if there else {}, charges={KEY: charges} if charges else {})
    finding = judged(books, Call(*KEY, asked))
    assert (finding and finding.wrong) == wrong
