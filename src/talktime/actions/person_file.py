"""All that is known of one person, as a file that can be handed over: lines of JSON for each kind of row."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec

from talktime.actions.persons import Known, Mention, Tell, mentions, silent
from talktime.core.ids import org_name
from talktime.core.time import moment
from talktime.storage.database import Database
from talktime.storage.person_store import IMPORTED

DOCUMENTS = frozenset(
    {"story", "details", "recipients", "body", "answer", "asked", "consent", "settings", "old", "new"}
)


def write(database: Database, org_id: int, known: Known, path: Path, now: int, tell: Tell = silent) -> Counter[str]:
    """How many lines of each table. There is nothing under the name before all of it is there."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with os.fdopen(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            with ZipFile(file, "w", ZIP_DEFLATED) as archive:
                archive.writestr("person.json", _head(org_id, known, now))
                written = _tables(archive, mentions(database, org_id, known.person, tell), known.ids)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        return written
    finally:
        unfinished.unlink(missing_ok=True)


def _head(org_id: int, known: Known, now: int) -> bytes:
    called = sorted(known.words)
    told = {"organization": org_name(org_id), "made_at": moment(now), "ids": known.ids, "called": called}
    return msgspec.json.format(msgspec.json.encode(told), indent=2)


def _tables(archive: ZipFile, found: Iterator[Mention], ids: Sequence[str]) -> Counter[str]:
    written: Counter[str] = Counter()
    for table, rows in groupby(found, key=lambda one: one.place.table.name):
        with archive.open(f"{table}.jsonl", "w") as lines:
            for one in rows:
                lines.write(_line(one, ids))
                written[table] += 1
    return written


def _line(one: Mention, ids: Sequence[str]) -> bytes:
    told = {name: _told(name, one.row[name]) for name in one.place.told if name in one.row}
    if told.get("action") == IMPORTED:
        # Of all the people of a file.
        told |= {name: _part(told[name], ids) for name in ("old", "new")}
    return msgspec.json.encode(told) + b"\n"


def _part(people: Any, ids: Sequence[str]) -> Any:
    return people and {one: people[one] for one in ids if one in people}


def _told(name: str, value: Any) -> Any:
    """Instants and documents as people and programs read them."""
    if value is not None and (name == "at" or name.endswith("_at")):
        return moment(value)
    if name in DOCUMENTS and isinstance(value, str):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value
