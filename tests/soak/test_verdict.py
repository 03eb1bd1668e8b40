"""What the soak says of figures that are given: an even hour is well, and each thing that grows is told by its name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from talktime.storage.database import EVERYBODY, Database, Tx
from talktime.storage.folder import DATABASE_FILE
from tests.soak.__main__ import Figures
from tests.soak.bare import Bare
from tests.soak.patient import Patient
from tests.soak.plan import Bounds, Plan
from tests.soak.watching import Look, Sizes, sizes_of
from tests.storage.shop import Shop

PLAN = Plan()
EVERY_SECONDS = 30
CALLS_A_SECOND = 10
BYTES_A_CALL = 2_000
LAST_FROM = PLAN.seconds - PLAN.window_seconds
MIB = 2**20
Factors = dict[str, float]
"""How many times as much something is in the last window."""


def soaked(factors: Factors) -> Figures:
    caller = Patient(PLAN.load(CALLS_A_SECOND), "http://127.0.0.1:1", "", [])
    caller.heard.waited["authorize"].extend(waited(factors))
    caller.turned_away = round(factors.get("turned_away", 0) * caller.heard.answers)
    did = {"top_up": 1}
    return Figures(PLAN, None, CALLS_A_SECOND, caller, list(looks(factors)), Bare(), did, [])


def waited(factors: Factors) -> Iterable[float]:
    """One in fifty waits ten times as long as the others."""
    for number in range(int(PLAN.seconds) * CALLS_A_SECOND):
        last = number >= LAST_FROM * CALLS_A_SECOND
        slow = 0.1 * (factors.get("p99", 1) if last else 1)
        yield 0.01 if number % 50 else slow


def looks(factors: Factors) -> Iterable[Look]:
    stored = 10 * MIB
    for at in range(0, int(PLAN.seconds) + 1, EVERY_SECONDS):
        now = factors if at > LAST_FROM else {}
        stored += round(EVERY_SECONDS * CALLS_A_SECOND * BYTES_A_CALL * now.get("bytes_a_call", 1))
        # The look at which the last window begins is part of it: of means it takes a little.
        memory, files = 100 * now.get("memory", 1), round(1000 * now.get("files", 1))
        sizes = Sizes(stored, round(MIB * now.get("hot", 1)))
        yield Look(float(at), at * CALLS_A_SECOND, at * CALLS_A_SECOND, memory, files, sizes, 50.0)


def told(figures: Figures) -> list[str]:
    return [one.partition(":")[0] for one in figures.wrong(Bounds())]


def test_an_even_hour_is_well() -> None:
    figures = soaked({})
    assert told(figures) == []
    assert figures.ratios == pytest.approx(dict.fromkeys(asdict(Bounds()), 1.0) | {"turned_away": 0})


def test_there_is_a_figure_for_each_bound() -> None:
    assert set(soaked({}).ratios) == set(asdict(Bounds()))


@pytest.mark.parametrize("name", asdict(Bounds()))
def test_what_grows_is_told_by_its_name_and_only_beyond_its_bound(name: str) -> None:
    bound = getattr(Bounds(), name)
    assert told(soaked({name: bound * 1.06})) == [name]
    assert told(soaked({name: bound * 0.97})) == []


def test_errors_and_troubles_are_told_however_even_the_hour_was() -> None:
    figures = soaked({})
    figures.heard.wrong("settle: not found")
    figures.troubles.append("books: I2")
    assert told(figures) == ["errors", "books"]


# ---------------------------------------------------------------- what the sizes are


def measured(shop: Shop, folder: Path) -> Callable[[], Sizes]:
    return sizes_of(folder if shop.database.dialect == "sqlite" else shop.database.url)


def repeat(database: Database, statement: str, times: int, **values: Any) -> None:
    def act(tx: Tx) -> None:
        for number in range(times):
            tx.execute(text(statement), values | {"number": number})

    database.write(EVERYBODY, act)


CHANGE_ACCOUNT = "UPDATE accounts SET held_micros = :number WHERE org_id = 1"
ADD_CALL = """INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, opened_at, story)
    VALUES (1, :number, 1, 'settled', 0, 0, 1, :story)"""


def test_calls_make_what_is_stored_larger(shop: Shop, tmp_path: Path) -> None:
    shop.open(1)
    sizes = measured(shop, tmp_path)
    before = sizes().stored
    repeat(shop.database, ADD_CALL, 200, story="x" * 1_000)
    assert sizes().stored - before >= 200 * 1_000


def test_an_account_that_is_changed_again_and_again_bloats_what_should_stay_small(shop: Shop, tmp_path: Path) -> None:
    """By versions that nobody could clear away, or by the log of many commits."""
    shop.open(1)
    sizes = measured(shop, tmp_path)
    before = sizes()
    repeat(shop.database, CHANGE_ACCOUNT, 2_000)
    for _ in range(50):
        repeat(shop.database, CHANGE_ACCOUNT, 2)
    assert sizes().hot - before.hot >= 64 * 1024


def written_back(folder: Path) -> None:
    """So that the log, which counts as well, is empty."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def test_rows_that_were_thrown_away_are_no_longer_stored_but_what_should_stay_small(
    sqlite_shop: Shop, tmp_path: Path
) -> None:
    sqlite_shop.open(1)
    sizes = sizes_of(tmp_path)
    repeat(sqlite_shop.database, ADD_CALL, 200, story="x" * 4_000)
    written_back(tmp_path)
    before = sizes()
    repeat(sqlite_shop.database, "DELETE FROM calls WHERE call_id <> :number", 1)
    written_back(tmp_path)
    after = sizes()
    assert before.stored - after.stored >= 500_000
    assert after.hot - before.hot >= 500_000
