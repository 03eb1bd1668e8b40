"""What a database itself says of its tables, as plain values that can be compared: everything that a schema fixes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

Catalog = Mapping[str, Any]
OWN = ("alembic_version",)

_COLUMNS = """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, l.collname,
pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2"""
_CONSTRAINTS = """SELECT c.relname, o.conname, o.contype, pg_get_constraintdef(o.oid), o.condeferrable
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
_OPTIONS = """SELECT relname, array_to_string(reloptions, ',') FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"""


def catalog(connection: Connection) -> Catalog:
    found = _postgres(connection) if connection.dialect.name == "postgresql" else _sqlite(connection)
    return {kind: [row for row in rows if row[0] not in OWN] for kind, rows in found.items()}


def _postgres(connection: Connection) -> dict[str, list[Any]]:
    queries = {"columns": _COLUMNS, "constraints": _CONSTRAINTS, "indexes": _INDEXES, "options": _OPTIONS}
    return {kind: [tuple(row) for row in connection.execute(text(query))] for kind, query in queries.items()}


def _sqlite(connection: Connection) -> dict[str, list[Any]]:
    def rows(query: str) -> list[Any]:
        return [tuple(row) for row in connection.exec_driver_sql(query)]

    tables = rows("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    columns = [
        (table, column, kind, bool(required) or bool(key), rows(f"SELECT {default or 'NULL'}"), key)
        for table, _ in tables
        for _, column, kind, required, default, key, _ in sorted(rows(f"PRAGMA table_xinfo({table})"), key=_by_name)
    ]
    # An index that SQLite makes by itself for a key has no text; the key stands with the columns.
    indexes = rows(
        "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1, 2"
    )
    return {
        "columns": columns,
        "checks": [(table, *check) for table, made in tables for check in _checks(made)],
        "indexes": [(table, name, _plain(made)) for table, name, made in indexes],
        "options": [(table, made.rpartition(")")[2].strip()) for table, made in tables],
    }


def _by_name(row: tuple[Any, ...]) -> str:
    return str(row[1])


def _checks(made: str) -> list[tuple[str, str]]:
    """The names and conditions in a CREATE TABLE."""
    return sorted((name, _plain(what)) for name, what in re.findall(r"CONSTRAINT (\w+) CHECK \((.*)\)", made))


def _plain(made: str | None) -> str:
    """Without what is only a way of writing."""
    return re.sub(r"[\s\"']+", " ", made or "").strip().removeprefix("(").removesuffix(")")


def keys_and_indexes(connection: Connection) -> list[tuple[str, str, str]]:
    """Table, name, and the first column of every key and index there is."""
    if connection.dialect.name == "postgresql":
        query = """SELECT c.relname, i.relname, a.attname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
WHERE c.relnamespace = 'public'::regnamespace"""
        return [(table, name, column) for table, name, column in connection.execute(text(query))]
    found = []
    for (table,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").all():
        for _, name, *_ in connection.exec_driver_sql(f"PRAGMA index_list({table})").all():
            first = connection.exec_driver_sql(f"PRAGMA index_info({name})").all()[0]
            found.append((table, name, first[2]))
    return found
