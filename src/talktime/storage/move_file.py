"""One organization as a file: a head, its rows in portions of a table each, and a manifest to check all of it by.

A line of JSON each, compressed. The same rows make the same file, on whichever database they were.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import EISDIR
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Boolean, Column, LargeBinary, Table, Text

from talktime.storage.backup import whole_or_not_at_all

FORMAT = 1
LINE_MAX = 1 << 27
COMPRESSED = 6
TRIAL_BYTES = 1 << 20
ORGANIZATION_IN = {"sign_ins": "organization"}
"""The directory of addresses is no organization's, and names it in a column of its own."""
Row = tuple[Any, ...]
Portion = tuple[str, Sequence[Row]]
"""Rows of one table."""
Portions = Iterator[Portion]
Tables = Mapping[str, Table]
Look = Callable[[str, Sequence[Row]], object]


class BadFile(Exception):
    """It is not what was written; the message says where."""


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    schema: str
    org_id: int
    sealed_with: tuple[str, ...]
    """The ids of the keys that its secrets are sealed with, the newest first."""
    licences: dict[str, str] = {}
    """By the code of each that it uses: a digest of what it means."""


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    table: str
    columns: tuple[str, ...]
    rows: msgspec.Raw


class Count(Struct, forbid_unknown_fields=True):
    rows: int = 0
    sums: dict[str, int] = field(default_factory=dict)
    """Of each column with an amount."""


class Manifest(Struct, forbid_unknown_fields=True):
    tables: dict[str, Count] = field(default_factory=dict)
    digest: str = ""
    """Over all lines before."""

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        count = self.tables.setdefault(table.name, Count())
        count.rows += len(rows)
        for place, name in _amounts(table):
            count.sums[name] = count.sums.get(name, 0) + sum(row[place] or 0 for row in rows)

    @property
    def rows(self) -> int:
        return sum(count.rows for count in self.tables.values())


@cache
def _names(table: Table) -> tuple[str, ...]:
    # Some of them are marked as words of SQL.
    return tuple(map(str, table.columns.keys()))


@cache
def _amounts(table: Table) -> Sequence[tuple[int, str]]:
    return [(place, name) for place, name in enumerate(_names(table)) if name.endswith("_micros")]


# ---------------------------------------------------------------- written


def try_out(path: Path) -> None:
    """Before anything is done for it: a folder that is not there, or a disk that is full, is an OSError now."""
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    with TemporaryFile(dir=path.parent) as trial:
        trial.write(bytes(TRIAL_BYTES))
        trial.flush()
        os.fsync(trial.fileno())


def write(path: Path, head: Head, tables: Tables, portions: Portions) -> Manifest:
    """It appears under its name when it is whole."""
    manifest, digest = Manifest(), sha256()
    with whole_or_not_at_all(path) as unfinished, _packed(unfinished) as file:
        for line in _lines(head, tables, portions, manifest):
            digest.update(line)
            file.write(line)
        manifest.digest = digest.hexdigest()
        file.write(msgspec.json.encode(manifest) + b"\n")
    return manifest


@contextmanager
def _packed(path: Path) -> Iterator[gzip.GzipFile]:
    # Without a name and a time in it: the same rows make the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", COMPRESSED, raw, mtime=0) as file:
        yield file


def _lines(head: Head, tables: Tables, portions: Portions, manifest: Manifest) -> Iterator[bytes]:
    yield msgspec.json.encode(head) + b"\n"
    for name, rows in portions:
        manifest.add(tables[name], rows)
        packed = msgspec.Raw(msgspec.json.encode(rows))
        yield msgspec.json.encode(Line(name, _names(tables[name]), packed)) + b"\n"


# ---------------------------------------------------------------- read


class MoveFile:
    """Read from its beginning each time, a portion in memory."""

    def __init__(self, path: Path, tables: Tables) -> None:
        self._path = path
        self._tables = tables
        self.head = _decoded(next(self._lines(), b""), Head, "the first line")
        if self.head.format != FORMAT:
            raise BadFile(f"{path} has format {self.head.format}, this program knows {FORMAT}")

    def portions(self) -> Portions:
        for number, line in enumerate(self._lines(), 1):
            if number > 1 and not line.startswith(b'{"tables"'):
                yield self._portion(line, f"line {number}")

    def checked(self, look: Look) -> Manifest:
        """All of it is there, and adds up. `look` may find something wrong with its rows, too."""
        told, counted, digest = None, Manifest(), sha256()
        for number, line in enumerate(self._lines(), 1):
            if line.startswith(b'{"tables"'):
                told = _decoded(line, Manifest, f"line {number}")
                continue
            if told is not None:
                raise BadFile(f"{self._path}: line {number} comes after the end")
            digest.update(line)
            if number > 1:
                name, rows = self._portion(line, f"line {number}")
                counted.add(self._tables[name], rows)
                look(name, rows)
        counted.digest = digest.hexdigest()
        return self._agreed(told, counted)

    def _agreed(self, told: Manifest | None, counted: Manifest) -> Manifest:
        if told is None:
            raise BadFile(f"{self._path} is cut off: its end is missing")
        for name in sorted(told.tables.keys() | counted.tables.keys()):
            if told.tables.get(name) != counted.tables.get(name):
                raise BadFile(f"{self._path}: {name}: counts or sums are not those of its manifest")
        if told.digest != counted.digest:
            raise BadFile(f"{self._path}: the digest is not that of its manifest")
        return counted

    def _portion(self, line: bytes, where: str) -> Portion:
        portion = _decoded(line, Line, where)
        table = self._tables.get(portion.table)
        if table is None or portion.columns != _names(table):
            raise BadFile(f"{where}: {portion.table}: it is not a table with these columns")
        rows = _decoded(portion.rows, list[_row_type(table)], f"{where}: {portion.table}")  # type: ignore[misc]
        place = portion.columns.index(ORGANIZATION_IN.get(portion.table, "org_id"))
        if any(row[place] != self.head.org_id for row in rows):
            raise BadFile(f"{where}: {portion.table}: org_id: a row of another organization")
        return portion.table, rows

    def _lines(self) -> Iterator[bytes]:
        try:
            with gzip.open(self._path) as file:
                while line := file.readline(LINE_MAX):
                    if not line.endswith(b"\n"):
                        raise BadFile(f"{self._path} is cut off")
                    yield line
        except (OSError, EOFError, zlib.error) as error:
            raise BadFile(f"{self._path} cannot be read, or it is damaged: {error}") from error


def _decoded(line: bytes | msgspec.Raw, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadFile(f"{where}: {error}") from error


@cache
def _row_type(table: Table) -> Any:
    return tuple[tuple(_type_of(column) for column in table.columns)]  # type: ignore[misc]


def _type_of(column: Column[Any]) -> Any:
    kind: Any = int
    if isinstance(column.type, Boolean):
        kind = bool
    elif isinstance(column.type, LargeBinary):
        kind = bytes
    elif isinstance(column.type, Text):
        kind = str
    return kind | None if column.nullable else kind
