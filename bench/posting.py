"""How fast calls of a file are booked, beside COPY of the same usage rows into an equal table. S11 of what is promised.

The file goes all the way: it is read, each call is decided, money and minutes move, and OUT is written. COPY is given
rows that are ready, in as large transactions, into a table with the same indexes.
"""

from __future__ import annotations

import csv
import json
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
from sqlalchemy import insert

from bench.world import CODES, World
from talktime.actions.audit import Actor
from talktime.actions.posting import Postings
from talktime.core.ids import org_name
from talktime.core.time import instant
from talktime.rating.post_files import PORTION, Summary, post_file
from talktime.storage import tables as t
from talktime.storage import user_store
from talktime.storage.database import Database, PostgresDatabase, Tx
from talktime.storage.user_store import UserRow
from talktime.storage.verify import verify

RECORDS = 200_000
ORG, USERS, MINUTES = 1, 1_000, 50_000
POSTED = World(organizations=1, old_calls=1_000, rates=10_000)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = instant(BEGIN + timedelta(days=40))
PLAN = ("MCOPSTN1", "MCOEV", "MCOPSTNPP")
HEADER = ("call_id", "call_type", "to", "started_at", "duration_seconds", "user", "from")


class Found(NamedTuple):
    booked_per_second: float
    copied_per_second: float
    wrong: str


def measured(url: str, superuser_url: str, records: int) -> Found:
    with tempfile.TemporaryDirectory(prefix="talktime-bench-") as name:
        folder, database = Path(name), PostgresDatabase(url)
        try:
            database.write(ORG, _people)
            source = _file(folder / "calls.csv", records)
            began = time.perf_counter()
            summary = _posted(database, source, folder)
            booked = records / (time.perf_counter() - began)
            wrong = _wrong(database, summary, records)
        finally:
            database.close()
    return Found(booked, copied(superuser_url), wrong)


def _posted(database: Database, source: Path, folder: Path) -> Summary:
    postings = Postings(database, org_name(ORG), "bench", None, Actor("bench", NOW))
    summary = post_file(source, folder / "out.csv", {}, postings.post)
    postings.end()
    return summary


def _wrong(database: Database, summary: Summary, records: int) -> str:
    # The pool is smaller than the licences make it, so that it runs dry on the way.
    wrong = [one.detail for one in verify(database).findings if "licences bring" not in one.detail][:3]
    if summary.outcomes["booked"] + summary.outcomes["unanswered"] != records or summary.shortfall:
        wrong.append(f"{dict(summary.outcomes)} of {records} calls, shortfall {summary.shortfall}")
    return "; ".join(wrong)


def copied(superuser_url: str) -> float:
    """Rows a second; as the superuser, whom no row-level security keeps from COPY."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE copied (LIKE usage INCLUDING ALL)")
        with connection.cursor().copy("COPY usage TO STDOUT") as rows:
            lines = [bytes(line) for line in rows]
        began = time.perf_counter()
        for first in range(0, len(lines), PORTION):
            with connection.transaction(), connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
                copy.write(b"".join(lines[first : first + PORTION]))
        return len(lines) / (time.perf_counter() - began)


def _people(tx: Tx) -> None:
    """Half of them have a plan with minutes for some of the calls, half pay all from credits."""
    codes = (PLAN, CODES)
    users = [
        UserRow(
            f"usr_{place:032x}",
            f"User {place}",
            f"user{place}@example.com",
            "GB",
            f"+44207946{place:04d}",
            "person",
            "en",
            json.dumps(codes[place % 2]),
            NOW,
        )
        for place in range(USERS)
    ]
    user_store.add(tx, ORG, users)
    pool = {"org_id": ORG, "pool_id": "MCOPSTN1/GB", "capability": "MCOPSTN1", "month": "2026-03"}
    tx.execute(insert(t.pools), pool | {"first_total": MINUTES, "first_high": MINUTES})


def _file(path: Path, records: int) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_calls(records))
    return path


def _calls(records: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(3)
    for place in range(records):
        at = BEGIN + timedelta(seconds=place * 30 * 86_400 // records)
        to, seconds = f"+44{chance.randrange(20 * 10**8, 21 * 10**8)}", 1 + int(chance.expovariate(1 / 180))
        who = (f"user{chance.randrange(USERS)}@example.com", "+442079461234")
        yield f"{chance.getrandbits(96):024x}", "user_out", to, f"{at:%Y-%m-%dT%H:%M:%SZ}", seconds, *who
