"""A big table is changed while somebody writes into it all the time: how long does a write wait at most?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psycopg
from sqlalchemy import text

from talktime.storage import schema
from talktime.storage.database import PostgresDatabase
from tests.storage.migrating import as_program

# The same as the next program does in portions, as one would do it to a small table.
AT_ONCE = """ALTER TABLE calls ADD COLUMN phase text;
UPDATE calls SET phase = state;
CREATE INDEX calls_by_phase ON calls (org_id, phase);
ALTER TABLE calls ADD CONSTRAINT calls_phase CHECK (phase <> '')"""


@dataclass(slots=True)
class Figures:
    rows: int
    seconds: float = 0.0
    writes: int = 0
    longest_seconds: float = 0.0

    def __str__(self) -> str:
        longest = f"the longest waited {1000 * self.longest_seconds:.0f} ms"
        return f"{self.rows:,} rows in {self.seconds:.1f} s, {self.writes:,} writes beside it, {longest}"


def filled(url: str, rows: int) -> None:
    """With calls of ten organizations."""
    with closing(PostgresDatabase(url)) as database:
        schema.prepare(database)
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL app.orgs = '*'")
        connection.execute(
            """INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, opened_at, story)
            SELECT n %% 10 + 1, 'call-' || n, 1, 'settled', 0, 0, n, repeat('x', 300) FROM generate_series(1, %s) n""",
            [rows],
        )
        connection.execute("ANALYZE calls")


def in_portions(url: str, source: Path, rows: int) -> Figures:
    with as_the_next(source), closing(PostgresDatabase(url)) as database, measured(url, rows) as figures:
        schema.prepare(database)
    return figures


def at_once(url: str, rows: int) -> Figures:
    """The control."""
    with closing(PostgresDatabase(url)) as database, measured(url, rows) as figures:
        database.write("*", lambda tx: [tx.execute(text(one)) for one in AT_ONCE.split(";")])
    return figures


@contextmanager
def as_the_next(source: Path) -> Iterator[None]:
    before = schema._MIGRATIONS, schema.NEWEST
    as_program(source / "talktime" / "storage" / "migrations", "9000")
    try:
        yield
    finally:
        as_program(*before)


@contextmanager
def measured(url: str, rows: int) -> Iterator[Figures]:
    figures, stop = Figures(rows), Event()
    writer = Thread(target=_write, args=(url, figures, stop))
    writer.start()
    begun = time.monotonic()
    try:
        yield figures
        figures.seconds = time.monotonic() - begun
    finally:
        stop.set()
        writer.join()


def _write(url: str, figures: Figures, stop: Event) -> None:
    """Into rows all over the table, as calls do that are going on."""
    # Through a pooler (`--pooled`) nothing of a connection outlives its transaction.
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        while not stop.is_set():
            number = figures.writes * 7919 % figures.rows + 1
            begun = time.monotonic()
            with connection.transaction():
                connection.execute("SET LOCAL app.orgs = '*'")
                connection.execute(
                    "UPDATE calls SET version = version + 1 WHERE org_id = %s AND call_id = %s",
                    [number % 10 + 1, f"call-{number}"],
                )
            figures.longest_seconds = max(figures.longest_seconds, time.monotonic() - begun)
            figures.writes += 1
            # Not all of the machine.
            time.sleep(0.001)
