"""Big tables are changed beside those who use them, and a migration that was killed goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import Column, Text, inspect, text

from talktime.storage import portions, schema
from talktime.storage.database import EVERYBODY, Database, ReadTx
from talktime.storage.errors import Busy, StoreUnavailable
from talktime.storage.portions import MARKS, SLICE, AtWork, Portions, at_work_alone, patiently
from tests.storage.migrating import DONE, KILLED, Nursery, Orders, opened
from tests.storage.shop import Shop
from tests.support.postgres import Cluster
from tests.upgrade import big_table
from tests.upgrade.big_table import as_the_next
from tests.upgrade.programs import next_program

CALLS = 3 * SLICE + 17


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as found:
        yield found


@pytest.fixture
def calls(shop: Shop) -> Shop:
    add_calls(shop)
    return shop


def add_calls(shop: Shop) -> None:
    add = """INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, opened_at, story)
        VALUES (:org, :call, 1, 'settled', 0, 0, 1, '')"""
    rows = [{"org": number % 3 + 1, "call": f"c{number}"} for number in range(CALLS)]
    shop.database.write(EVERYBODY, lambda tx: tx.execute(text(add), rows))


def count(database: Database, query: str) -> Any:
    return database.read(EVERYBODY, lambda tx: tx.scalar(text(query)))


def test_a_step_does_all_of_it_and_may_be_done_again(calls: Shop) -> None:
    told: list[tuple[str, int, int]] = []
    with at_work_alone(calls.database):
        for _ in range(2):
            big = Portions(calls.database, "9000", lambda *one: told.append(one))
            big.add_column("calls", Column("phase", Text))
            big.fill("calls", phase="state", story="'told'")
            big.index("calls_by_phase", "calls", "org_id, phase", where="phase <> ''")
            big.check("calls_phase", "calls", "phase <> ''")
            big.require("calls", "phase")
    assert count(calls.database, "SELECT count(*) FROM calls WHERE phase = state AND story = 'told'") == CALLS
    assert [done for what, done, _ in told if what == "calls: phase, story"] == [1000, 2000, 3000, 3017]
    assert told.count(("index calls_by_phase", 1, 1)) == 1
    there = calls.database.read((), lambda tx: inspect(tx).get_table_names())
    assert MARKS not in there
    if calls.database.dialect == "postgresql":
        (column,) = [one for one in columns_of(calls.database) if one["name"] == "phase"]
        assert not column["nullable"]


def columns_of(database: Database) -> list[Any]:
    def asked(tx: ReadTx) -> list[Any]:
        return list(inspect(tx).get_columns("calls"))

    return database.read((), asked)


def test_a_migration_that_is_killed_goes_on_where_it_was(calls: Shop, nursery: Nursery, tmp_path: Path) -> None:
    database = calls.database.url
    calls.close()
    source = next_program(tmp_path) / "talktime" / "storage" / "migrations"
    orders = Orders(database, migrations=str(source), newest="9000")

    # Before the column, and in the third slice.
    orders.deaths = [3, 6]
    ended = nursery.ended(orders)
    assert ended == [KILLED, KILLED]
    with closing(opened(database)) as there:
        assert schema.version(there) == schema.NEWEST
        filled = count(there, "SELECT count(*) FROM calls WHERE phase IS NOT NULL")
        assert filled == 2 * SLICE
        mine = "UPDATE calls SET phase = 'mine' WHERE org_id = 1 AND call_id = 'c0'"
        there.write(EVERYBODY, lambda tx: tx.execute(text(mine)))

    orders.deaths = [1000]
    assert nursery.ended(orders) == [DONE]
    with closing(opened(database)) as there:
        assert schema.version(there) == "9000"
        # What was done was not done again.
        assert count(there, "SELECT count(*) FROM calls WHERE phase = 'mine'") == 1
        assert count(there, "SELECT count(*) FROM calls WHERE phase IS NULL") == 0
        assert schema.oldest_program(there) == schema.NEWEST
        schema.prepare(there)


def test_several_processes_do_it_once(postgres_shop: Shop, nursery: Nursery, tmp_path: Path) -> None:
    add_calls(postgres_shop)
    source = next_program(tmp_path) / "talktime" / "storage" / "migrations"
    orders = Orders(postgres_shop.database.url, migrations=str(source), newest="9000", together=3)
    assert nursery.ended(orders) == [DONE] * 3
    assert count(postgres_shop.database, "SELECT count(*) FROM calls WHERE phase = state") == CALLS


def test_nobody_else_is_at_work_meanwhile(postgres_shop: Shop) -> None:
    with at_work_alone(postgres_shop.database), pytest.raises(Busy), at_work_alone(postgres_shop.database):
        pass


def owner_of_the_lock(tx: ReadTx) -> Any:
    query = """SELECT pid, query FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE relation = to_regclass('migration_marks') AND state = 'idle in transaction'"""
    return tx.execute(text(query)).first()


def test_who_migrates_for_long_says_so_now_and_then(postgres_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler ends transactions that are silent, and with this one the lock would go."""
    monkeypatch.setattr(portions, "WORD_SECONDS", 0.01)
    database = postgres_shop.database
    with at_work_alone(database):
        while (owner := database.read(EVERYBODY, owner_of_the_lock)) is None or owner.query != portions.WORD:
            time.sleep(0.01)


def end_the_owner(database: Database) -> None:
    end = "SELECT pg_terminate_backend(pid, 60000) FROM pg_locks WHERE relation = to_regclass('migration_marks')"
    with psycopg.connect(database.url, autocommit=True) as other:
        other.execute(end)


def test_who_lost_the_lock_does_nothing_more(postgres_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "WORD_SECONDS", 0.01)
    database = postgres_shop.database
    with pytest.raises(StoreUnavailable, match="lost its lock"), at_work_alone(database) as check:
        big = Portions(database, "9000", check=check)
        end_the_owner(database)
        while True:
            big.fill("calls", story="'told'")


def test_who_lost_the_lock_at_the_very_end_hears_that_the_database_was_away(postgres_shop: Shop) -> None:
    database = postgres_shop.database
    with pytest.raises(StoreUnavailable), at_work_alone(database):
        end_the_owner(database)


def test_a_start_waits_for_the_migration_of_another_as_long_as_it_lives(
    postgres_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(schema, "PAUSE_SECONDS", 0.01)
    database, waited = postgres_shop.database, Event()

    def at_work(said: str) -> AtWork:
        waited.set()
        return AtWork(said)

    monkeypatch.setattr(portions, "AtWork", at_work)
    with as_the_next(next_program(tmp_path)), ThreadPoolExecutor(1) as beside:
        with at_work_alone(database):
            start = beside.submit(schema.prepare, database)
            assert waited.wait(60)
            assert not start.done()
        start.result(60)
        assert schema.version(database) == "9000"


def test_marks_of_who_died_at_the_very_end_go_and_those_of_a_newer_program_stay(shop: Shop) -> None:
    database = shop.database
    for step, stays in (("9000 calls: phase", True), (f"{schema.NEWEST} calls: phase", False)):
        database.write((), portions._make_marks)
        database.write((), portions._move_mark, step, "[]")
        schema.prepare(database)
        assert database.read((), lambda tx: inspect(tx).has_table(MARKS)) == stays
        if stays:
            database.write((), lambda tx: tx.execute(text(f"DROP TABLE {MARKS}")))


def test_an_index_that_was_interrupted_is_made_anew(postgres_shop: Shop) -> None:
    database = postgres_shop.database
    add = "INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, opened_at, story)"
    rows = "SELECT 1, n::text, 1, 'settled', 0, 0, 1, '' FROM generate_series(1, 2) n"
    database.write(EVERYBODY, lambda tx: tx.execute(text(f"{add} {rows}")))
    big = Portions(database, "9000")
    with pytest.raises(Exception, match="opened_once"):
        big.index("opened_once", "calls", "org_id, opened_at", unique=True)
    database.write(EVERYBODY, lambda tx: tx.execute(text("UPDATE calls SET opened_at = 2 WHERE call_id = '2'")))
    big.index("opened_once", "calls", "org_id, opened_at", unique=True)
    assert count(database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'opened_once'::regclass")


def test_who_needs_a_table_for_a_moment_does_not_keep_others_waiting(postgres_shop: Shop) -> None:
    """A long reader stands in the way: it is tried again and again, and writers go through in between."""
    database = postgres_shop.database
    with psycopg.connect(database.url) as reader, psycopg.connect(database.url, autocommit=True) as writer:
        reader.execute("SELECT count(*) FROM control")
        tried: list[int] = []

        def change(tx: Any) -> None:
            tried.append(1)
            if len(tried) == 3:
                reader.rollback()
            tx.execute(text("ALTER TABLE control ADD COLUMN note text"))

        patiently(database, change)
        writer.execute("UPDATE control SET value = value")
    assert len(tried) == 3


def test_who_has_rows_in_another_order_is_never_told_of_a_deadlock(postgres_shop: Shop) -> None:
    """The migration gives way, again and again, and comes to its end."""
    add_calls(postgres_shop)
    database, done, rounds = postgres_shop.database, Event(), []

    def crosswise() -> None:
        # Through a pooler (`--pooled`) each transaction is on another connection, where nothing was prepared.
        with psycopg.connect(database.url, prepare_threshold=None) as writer:
            while not done.is_set():
                writer.execute("SET LOCAL app.orgs = '*'")
                for call in ("c2997", "c0"):
                    writer.execute("UPDATE calls SET version = version + 1 WHERE call_id = %s", [call])
                    time.sleep(0.02)
                writer.commit()
                rounds.append(1)

    with at_work_alone(database), ThreadPoolExecutor() as beside:
        writing = beside.submit(crosswise)
        try:
            Portions(database, "9000").fill("calls", story="'told'")
        finally:
            done.set()
        writing.result()
    assert count(database, "SELECT count(*) FROM calls WHERE story = 'told'") == CALLS
    assert rounds


LONG_PART = 1 / 3
"""Of the whole change: in portions a write waits for a fiftieth of it, and for nearly all of it if it is made at once.
However busy the machine is, both take longer then."""


@pytest.mark.slow
@pytest.mark.parametrize("in_portions", [True, False], ids=["in_portions", "all_at_once"])
def test_writers_go_on_while_a_big_table_is_changed(postgres: Cluster, tmp_path: Path, in_portions: bool) -> None:
    url = postgres.fresh_database()
    big_table.filled(url, 10_000)
    if in_portions:
        figures = big_table.in_portions(url, next_program(tmp_path), 10_000)
    else:
        figures = big_table.at_once(url, 10_000)
    assert figures.writes > 0
    assert (figures.longest_seconds < LONG_PART * figures.seconds) == in_portions, figures


@pytest.mark.prove
@pytest.mark.parametrize("way", [big_table.in_portions, None])
def test_a_write_waits_no_longer_than_a_moment(
    way: Callable[..., big_table.Figures] | None, postgres: Cluster, tmp_path: Path
) -> None:
    url = postgres.fresh_database()
    big_table.filled(url, 100_000)
    figures = way(url, next_program(tmp_path), 100_000) if way else big_table.at_once(url, 100_000)
    assert (figures.longest_seconds <= 1.5) == bool(way), figures
