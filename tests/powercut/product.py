"""The product itself under the power cuts: its schema, its engine, its store, as a server uses them on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from talktime.core.calls import Answer, Call, CallState, Command, Ended, Extended, Granted
from talktime.storage.database import SqliteDatabase
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.store import decode_call
from talktime.storage.verify import reading, verify
from tests.charging.books import Books, migrated
from tests.core.switch import FRANCE, UK, lot
from tests.powercut.workload import Connect, Finding, Wrong

ORGS = (1, 2, 3)
CHECKPOINTS = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")
HAS_SCHEMA = "SELECT count(*) FROM sqlite_master WHERE name = 'calls'"


@dataclass(frozen=True, slots=True)
class Product:
    synchronous: str = "full"

    def create(self, path: Path, connect: Connect) -> None:
        with closing(self._opened(path, connect)) as database:
            set_up(Books(database, lambda lanes: SqliteStore(database)))

    def steps(self, path: Path, connect: Connect, seed: str) -> Iterator[str]:
        database = self._opened(path, connect)
        books = Books(database, lambda lanes: SqliteStore(database))
        set_up(books)
        while True:
            calls = books.snapshot().calls
            chance = Random(f"{seed}/{sum(call.version for call in calls)}/{len(calls)}")
            commands = batch(books, [call.story for call in calls], chance)
            for command, answer in zip(commands, books.engine.run(commands), strict=True):
                yield told(command, answer)
            if chance.random() < 0.1:
                database.connection.execute(f"PRAGMA wal_checkpoint({chance.choice(CHECKPOINTS)})").fetchall()

    def check(self, path: Path, seed: str, acknowledged: Sequence[str]) -> Finding | None:
        if not has_schema(path):
            return Finding(Wrong.LOST, "no schema, and calls were answered") if acknowledged else None
        with closing(reading(None, path)) as database:
            report = verify(database)
        if not report.clean:
            return Finding(Wrong.PARTIAL, f"{report.findings[0].invariant}: {report.findings[0].detail}")
        lost = missing(stories(path), acknowledged)
        return Finding(Wrong.LOST, lost) if lost else None

    def _opened(self, path: Path, connect: Connect) -> SqliteDatabase:
        database = SqliteDatabase(path, connect)
        database.connection.execute(f"PRAGMA synchronous = {self.synchronous}")
        # So small that a batch overflows the cache and a checkpoint comes every few commits.
        database.connection.execute("PRAGMA cache_size = 20")
        database.connection.execute("PRAGMA wal_autocheckpoint = 100")
        migrated(database)
        return database


def set_up(books: Books) -> None:
    there = {account.org_id for account in books.snapshot().accounts}
    for org_id in ORGS:
        if org_id not in there:
            books.organization(lot(f"lot{org_id}a", "40"), lot(f"lot{org_id}b", "4000"), org_id=org_id)


def batch(books: Books, calls: Sequence[Call], chance: Random) -> list[Command]:
    """New calls, and what becomes of those in progress."""
    going = [call for call in calls if call.state is CallState.OPEN]
    commands = [new_call(books, f"c{len(calls) + n}", chance) for n in range(chance.choice([1, 1, 3, 12]))]
    commands += [
        next_of(books, call, chance) for call in chance.sample(going, min(len(going), chance.choice([0, 2, 9])))
    ]
    return commands


def new_call(books: Books, call_id: str, chance: Random) -> Command:
    books.org_id = chance.choice(ORGS)
    return books.authorization(call_id, to=chance.choice([UK, FRANCE]), source="x" * chance.choice([0, 40, 900]))


def next_of(books: Books, call: Call, chance: Random) -> Command:
    books.org_id = call.org_id
    if chance.random() < 0.3:
        return books.extension(call.call_id, call.seconds)
    return (
        books.settlement(call.call_id, chance.randrange(900))
        if chance.random() < 0.8
        else books.release_of(call.call_id)
    )


def told(command: Command, answer: Answer) -> str:
    """What whoever asked has in hand now."""
    match answer:
        case Granted(seconds=seconds) | Extended(seconds=seconds):
            return f"{command.org_id} {command.call_id} holds {seconds}"
        case Ended(settled=settled):
            return f"{command.org_id} {command.call_id} paid {settled.charge}"
    return f"{command.org_id} {command.call_id} known 0"


def missing(calls: Mapping[tuple[int, str], Call], acknowledged: Sequence[str]) -> str | None:
    for one in acknowledged:
        org_id, call_id, what, number = one.split()
        call = calls.get((int(org_id), call_id))
        if call is None or not is_kept(call, what, int(number)):
            return f"it was answered: {one}; found {call and (call.state.value, call.seconds, call.settled)}"
    return None


def is_kept(call: Call, what: str, number: int) -> bool:
    if what == "paid":
        return call.settled is not None and call.settled.charge == number
    return call.seconds >= number if what == "holds" else True


def has_schema(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as database:
        return bool(database.execute(HAS_SCHEMA).fetchone()[0])


def stories(path: Path) -> Mapping[tuple[int, str], Call]:
    with closing(sqlite3.connect(path)) as database:
        calls = [decode_call(story) for (story,) in database.execute("SELECT story FROM calls")]
    return {(call.org_id, call.call_id): call for call in calls}
