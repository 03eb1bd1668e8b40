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

from sqlalchemy import Boolean, column, delete, insert, inspect, literal, select, table

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
        if tx.scalar(select(literal(1)).select_from(table(name)).limit(1)):
            tx.execute(delete(table(name)))
        if mine:
            tx.execute(insert(table(name, *map(column, mine[0]))), [dict(row) for row in mine])


def rows_of(database: Database, columns: Mapping[str, Sequence[str]] | None = None) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, or these columns of these tables, sorted."""
    return database.read(EVERYBODY, _rows, columns)


def _rows(tx: ReadTx, columns: Mapping[str, Sequence[str]] | None) -> dict[str, list[dict[str, Any]]]:
    there = inspect(tx)
    found = {}
    for name in sorted(columns or there.get_table_names()):
        kinds = {one["name"]: one["type"] for one in there.get_columns(name)}
        mine = columns[name] if columns else list(kinds)
        rows = tx.execute(select(*map(column, mine)).select_from(table(name))).mappings()
        plain = [{key: _plain(value, kinds[key]) for key, value in row.items()} for row in rows]
        if name != "alembic_version":
            found[name] = sorted(plain, key=repr)
    return found


def _plain(value: Any, kind: Any) -> Any:
    """SQLite has no truth, only 0 and 1."""
    return bool(value) if isinstance(kind, Boolean) else value


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
