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


def wall_in(connection: Connection, table: str) -> None:
    """Rows of an organization are there only for a transaction that names it, even for the owner of the table."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))
    connection.execute(text(f"CREATE POLICY mine ON {table} USING ({_MINE})"))


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
        connection.execute(text(f"GRANT UPDATE, DELETE ON {table} TO CURRENT_USER"))
        return
    for what in ("update", "delete"):
        connection.execute(text(f"DROP TRIGGER {table}_no_{what}"))
