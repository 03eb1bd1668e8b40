"""The second wall behind the scoped queries: what the database itself refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

# The organizations of a transaction are written into it (SET LOCAL app.orgs). `org_id + 0` keeps the list out of index
# probes, where it would be sorted anew each time.
_MINE = """(org_id + 0) = ANY (
(SELECT string_to_array(nullif(current_setting('app.orgs', true), '*'), ',')::bigint[])::bigint[])
OR (SELECT current_setting('app.orgs', true)) = '*'"""
# Citus knows no SELECT in a policy; on a shard the list is that of one batch, and short.
MINE_ON_SHARDS = """(org_id + 0) = ANY (string_to_array(nullif(current_setting('app.orgs', true), '*'), ',')::bigint[])
OR current_setting('app.orgs', true) = '*'"""

# Whoever changes the rights of a table at the same moment as another fails in PostgreSQL; at a row there are turns.
MY_TURN = """INSERT INTO control (name, value) VALUES ('tables_opened', 1)
ON CONFLICT (name) DO UPDATE SET value = control.value + 1"""


def wall_in(connection: Connection, table: str) -> None:
    """Rows of an organization are there only for a transaction that names it, even for the owner of the table."""
    if connection.dialect.name != "postgresql":
        return
    for statement in put_up(table, _MINE):
        connection.execute(text(statement))


def put_up(table: str, mine: str) -> list[str]:
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY mine ON {table} USING ({mine})",
    ]


def taken_down(table: str) -> list[str]:
    """Only for as long as a transaction lasts that puts it up again."""
    return [
        f"DROP POLICY mine ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]


def append_only(connection: Connection, table: str) -> None:
    """What was written stays as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM CURRENT_USER"))
        return
    for what in ("UPDATE", "DELETE"):
        stop = f"SELECT RAISE(ABORT, '{table} are only added to')"
        connection.execute(text(f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {stop}; END"))


@contextmanager
def opened(connection: Connection, table: str, guarded: bool = True) -> Iterator[None]:
    """For the one purpose that the law wants: people are forgotten. The guard is back before anybody else can look."""
    if guarded:
        _let_through(connection, table)
    yield
    if guarded:
        append_only(connection, table)


def _let_through(connection: Connection, table: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(MY_TURN))
        connection.execute(text(f"GRANT UPDATE, DELETE ON {table} TO CURRENT_USER"))
        return
    for what in ("update", "delete"):
        connection.execute(text(f"DROP TRIGGER {table}_no_{what}"))
