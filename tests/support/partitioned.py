"""The tables as they would lie on Citus: in plain PostgreSQL, each organization's table in eight parts by `org_id`.

What touches one part here stays on one machine there; a look at the plan tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import ClientCursor, sql
from sqlalchemy import MetaData, Table, create_engine

from talktime.storage import tables as t

PARTS = 8


def make_partitioned(url: str) -> None:
    """Each organization's table in parts, the others as they are."""
    metadata = MetaData()
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        for table in t.metadata.sorted_tables:
            copy = table.to_metadata(metadata)
            if table.info["kind"] == "organization":
                # The parts hold the rows, so what is said about their pages is not for the whole.
                copy.dialect_options["postgresql"]["with"] = {}
                copy.dialect_options["postgresql"]["partition_by"] = "HASH (org_id)"
            copy.create(connection)
            if table.info["kind"] == "organization":
                for part in range(PARTS):
                    connection.exec_driver_sql(_part(table, part))
    engine.dispose()


def _part(table: Table, part: int) -> str:
    values = f"FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
    return f"CREATE TABLE {table.name}_{part} PARTITION OF {table.name} {values}"


class Partitioned:
    def __init__(self, url: str) -> None:
        make_partitioned(url)
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=None)
        self._parts: dict[int, int] = {}

    def close(self) -> None:
        self._connection.close()

    def part_of(self, org_id: int) -> int:
        """Which part has its rows: what `shard_of` is on Citus."""
        if org_id not in self._parts:
            query = sql.SQL("SELECT n FROM generate_series(0, {}) AS n WHERE {}").format(PARTS - 1, _IN_PART)
            row = self._connection.execute(query, {"parts": PARTS, "org_id": org_id}).fetchone()
            assert row is not None
            self._parts[org_id] = row[0]
        return self._parts[org_id]

    def orgs_together(self, count: int, part: int = 3) -> list[int]:
        """Organizations of one part."""
        found: list[int] = []
        org_id = 0
        while len(found) < count:
            org_id += 1
            if self.part_of(org_id) == part:
                found.append(org_id)
        return found

    def parts_touched(self, text: str, values: Any) -> set[int]:
        """Numbers of the parts that the plan has in it, or that the inserted rows go to."""
        if rows := _rows_of(values):
            # Many at once: each would be a statement of its own.
            return set().union(*[self.parts_touched(text, row) for row in rows])
        if text.lstrip().upper().startswith("INSERT"):
            return {self.part_of(org_id) for org_id in _org_ids_in(values)}
        return self._explained(text, values)

    def parts_of_prepared(self, text: str, kinds: Sequence[str], values: Sequence[str]) -> set[int]:
        """The same for a text with $1, $2, as the engine says it."""
        types, given = ", ".join(kinds), ", ".join(["%s"] * len(values))
        self._connection.execute("DEALLOCATE ALL")
        self._connection.execute("SET plan_cache_mode = force_custom_plan")
        self._connection.execute(f"PREPARE said ({types}) AS {text}".encode())
        return self._explained(f"EXECUTE said ({given})", values)

    def _explained(self, text: str, values: Any) -> set[int]:
        plan: Any = ClientCursor(self._connection).execute(f"EXPLAIN (FORMAT JSON) {text}".encode(), values).fetchone()
        return set(_parts_in(plan[0][0]["Plan"]))


_IN_PART = sql.SQL("satisfies_hash_partition('calls'::regclass, %(parts)s, n, %(org_id)s::bigint)")


def _rows_of(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) and values and isinstance(values[0], Mapping | tuple) else ()


def _org_ids_in(values: Mapping[str, Any]) -> list[int]:
    """Of one row, or of several that are written into one statement as org_id__0, org_id__1."""
    return [value for name, value in values.items() if name.partition("__")[0] in ("org_id", "org_id_m0")]


def _parts_in(plan: Mapping[str, Any]) -> Iterator[int]:
    name = plan.get("Relation Name", "")
    table, _, part = name.rpartition("_")
    if part.isdecimal() and table in t.metadata.tables:
        yield int(part)
    for below in plan.get("Plans", ()):
        yield from _parts_in(below)
