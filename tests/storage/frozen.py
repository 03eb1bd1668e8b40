"""The rows of a database as a file, to be opened by every later version: `fixtures/<revision>.json`.

    python -m tests.storage.frozen <database file or URL> > tests/storage/fixtures/<revision>.json

Make one with a release that brings a new revision, and never change it afterwards.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import column, delete, insert, inspect, select, table

from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, ReadTx, SqliteDatabase, Tx

FIXTURES = Path(__file__).parent / "fixtures"
BYTES = "base64:"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def revisions() -> list[str]:
    return sorted(path.stem for path in FIXTURES.glob("*.json"))


def frozen(revision: str) -> Rows:
    rows: Rows = json.loads((FIXTURES / f"{revision}.json").read_text(), object_hook=_thawed)
    return rows


def _thawed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _bytes(value) for name, value in row.items()}


def _bytes(value: Any) -> Any:
    return b64decode(value[len(BYTES) :]) if isinstance(value, str) and value.startswith(BYTES) else value


def load(database: Database, rows: Rows) -> None:
    """Into a database that is empty but for what its migration put there."""
    database.write(EVERYBODY, _load, rows)


def _load(tx: Tx, rows: Rows) -> None:
    for name, mine in rows.items():
        if name == "control":
            tx.execute(delete(table(name)))
        if mine:
            tx.execute(insert(table(name, *map(column, mine[0]))), [dict(row) for row in mine])


def rows_of(database: Database, columns: Mapping[str, Sequence[str]] | None = None) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, or these columns of these tables, sorted."""
    return database.read(EVERYBODY, _rows, columns)


def _rows(tx: ReadTx, columns: Mapping[str, Sequence[str]] | None) -> dict[str, list[dict[str, Any]]]:
    if columns is None:
        there = inspect(tx)
        names = [name for name in there.get_table_names() if name != "alembic_version"]
        columns = {name: [one["name"] for one in there.get_columns(name)] for name in sorted(names)}
    found = {}
    for name, mine in columns.items():
        rows = tx.execute(select(*map(column, mine)).select_from(table(name))).mappings()
        found[name] = sorted(({key: _plain(value) for key, value in row.items()} for row in rows), key=repr)
    return found


def _plain(value: Any) -> Any:
    """SQLite has no truth, only 0 and 1."""
    return int(value) if isinstance(value, bool) else bytes(value) if isinstance(value, memoryview) else value


def columns_of(rows: Rows) -> dict[str, list[str]]:
    return {name: list(mine[0]) for name, mine in rows.items() if mine}


def as_text(rows: Rows) -> str:
    def spelled(value: bytes) -> str:
        return BYTES + b64encode(value).decode()

    lines = [
        f"{json.dumps(name)}: [" + ",".join(f"\n  {json.dumps(row, default=spelled)}" for row in mine) + "\n]"
        for name, mine in rows.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    where = sys.argv[1]
    opened = PostgresDatabase(where) if where.startswith("postgresql:") else SqliteDatabase(Path(where))
    print(as_text(rows_of(opened)), end="")
    opened.close()
