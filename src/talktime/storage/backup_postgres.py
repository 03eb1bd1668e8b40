"""A backup of PostgreSQL: an archive with a binary COPY of each table, all from one snapshot.

No client tools are needed, and it can be put into any server that knows the same types.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import msgspec
import psycopg
from msgspec import Struct
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from talktime.storage import control_store, schema
from talktime.storage.database import EVERYBODY, PostgresDatabase
from talktime.storage.errors import SchemaTooNew, StoreUnavailable
from talktime.storage.portions import MARKS

Progress = Callable[[int, int], None]
MANIFEST, FORMAT = "manifest.json", 1
CHUNK_BYTES = 1 << 20
VERSION, SCRATCH = "alembic_version", "scratch_of_talktime"
"""Who has the latter may be emptied."""
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, msgspec.MsgspecError)
# The database says what it has, and not this program: the schema may be older or newer than it. What is neither ours
# nor to be read by us is somebody else's.
TABLES: LiteralString = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum), pg_table_size(c.oid),
    c.relforcerowsecurity, has_table_privilege(c.oid, 'DELETE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL(%s)
    AND a.attnum > 0 AND NOT a.attisdropped
    AND (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT'))
GROUP BY c.oid, c.relname, c.relforcerowsecurity ORDER BY c.relname"""


class BackupProblem(Exception):
    """It cannot be backed up or restored like this; the message says why."""


class Manifest(Struct, frozen=True):
    format: int
    schema: str
    tables: dict[str, list[str]]


class Found(NamedTuple):
    """A table as it is in the database."""

    columns: list[str]
    bytes: int
    walled: bool
    may_be_emptied: bool


def must_be_known(version: str) -> None:
    if version > schema.NEWEST:
        raise SchemaTooNew(
            f"the backup has schema {version}, this program knows {schema.NEWEST}: use the newer Talktime that made it"
        )


def backup_postgres(url: str, unfinished: Path, progress: Progress) -> None:
    with (
        _connected(url) as connection,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute(f"SET LOCAL app.orgs = '{EVERYBODY}'")
        version, tables = _version(connection), _tables(connection)
        done, total = 0, sum(table.bytes for table in tables.values())
        for name, table in tables.items():
            with archive.open(name, "w", force_zip64=True) as file:
                for data in _rows(connection, name, table.columns):
                    file.write(data)
                    done += len(data)
                    progress(min(done, total), total)
        manifest = Manifest(FORMAT, version, {name: table.columns for name, table in tables.items()})
        archive.writestr(MANIFEST, msgspec.json.encode(manifest))
        progress(total, total)


def _tables(connection: psycopg.Connection) -> dict[str, Found]:
    rows = connection.execute(TABLES, [[VERSION, MARKS, SCRATCH]])
    return {name: Found(*values) for name, *values in rows}


def _version(connection: psycopg.Connection) -> str:
    if not _value(connection, "SELECT to_regclass(%s)", VERSION):
        raise BackupProblem("the database is empty: the first start of the server makes what could be backed up")
    return str(_value(connection, "SELECT version_num FROM alembic_version"))


def _rows(connection: psycopg.Connection, table: str, columns: Sequence[str]) -> Iterator[Any]:
    statement = _about("COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT BINARY)", table, columns)
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        yield from rows


def restore_postgres(source: Path, url: str, progress: Progress, *, for_trial: bool = False) -> None:
    """`for_trial`: into a scratch database, which nothing else goes into."""
    with _archive(source) as archive:
        manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
        must_be_known(manifest.schema)
        _must_be_empty(url, *([SCRATCH] if for_trial else []))
        with closing(PostgresDatabase(url)) as database:
            try:
                schema.migrate(database, manifest.schema)
                _load(url, archive, manifest, progress)
            except BaseException as error:
                _clear(url)
                if isinstance(error, DBAPIError):
                    raise BackupProblem(_refusal(error)) from error
                raise
            schema.prepare(database)
            # For what was made before there was such a mark.
            database.write((), control_store.put, control_store.RESTORED, 1)


def _load(url: str, archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> None:
    """All of it in one transaction, with the walls down for its owner while it lasts."""
    with _connected(url) as connection:
        tables = _tables(connection)
        _must_be_whole(tables, manifest)
        done, total = 0, sum(archive.getinfo(name).file_size for name in tables)
        for name, table in tables.items():
            if table.walled:
                connection.execute(_about("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", name))
            if table.may_be_emptied:
                # What a new database is born with.
                connection.execute(_about("DELETE FROM {table}", name))
            with _columns_too_many(connection, name, table, manifest), archive.open(name) as file:
                statement = _about("COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)", name, manifest.tables[name])
                with connection.cursor() as cursor, cursor.copy(statement) as rows:
                    while chunk := file.read(CHUNK_BYTES):
                        rows.write(chunk)
                        done += len(chunk)
                        progress(done, total)
            if table.walled:
                connection.execute(_about("ALTER TABLE {table} FORCE ROW LEVEL SECURITY", name))
        # With the rows, so that nobody ever sees them without it.
        connection.execute("UPDATE control SET value = 1 WHERE name = %s", [control_store.RESTORED])
        connection.execute("ANALYZE")


def _must_be_whole(tables: Mapping[str, Found], manifest: Manifest) -> None:
    """Of its schema. Tables besides are somebody else's, and stay where they are."""
    for name, table in tables.items():
        if missing := set(table.columns) - set(manifest.tables.get(name, ())):
            lacks = f"{name} ({', '.join(sorted(missing))})"
            raise BackupProblem(f"the backup is not whole: schema {manifest.schema} also has {lacks}")


@contextmanager
def _columns_too_many(connection: psycopg.Connection, name: str, table: Found, manifest: Manifest) -> Iterator[None]:
    """A migration had begun that is begun anew here. Bytes take what any other type has."""
    spare = [column for column in manifest.tables[name] if column not in table.columns]
    for column in spare:
        connection.execute(_about("ALTER TABLE {table} ADD COLUMN {columns} bytea", name, [column]))
    yield
    for column in spare:
        connection.execute(_about("ALTER TABLE {table} DROP COLUMN {columns}", name, [column]))


def _must_be_empty(url: str, *but_for: str) -> None:
    query = """SELECT string_agg(tablename, ', ' ORDER BY tablename) FROM (SELECT tablename FROM pg_tables
WHERE schemaname = current_schema() AND tablename <> ALL(%s) ORDER BY tablename LIMIT 3) AS first"""
    with _connected(url) as connection:
        there = _value(connection, query, [*but_for])
    if there:
        raise BackupProblem(f"the database has tables in it ({there}): a backup is restored into an empty one only")


def must_be_another(scratch: str, live: str) -> None:
    """Two addresses may lead to one database. Where one of them does not answer, nothing is emptied."""
    with suppress(StoreUnavailable):
        if _identity(scratch) == _identity(live):
            raise BackupProblem("the scratch database is the one that is in use: give it one of its own")


def _identity(url: str) -> Any:
    """Nothing that a service of somebody else's could keep from us."""
    query = """SELECT extract(epoch FROM pg_postmaster_start_time()) || ' ' || oid
FROM pg_database WHERE datname = current_database()"""
    with _connected(url) as connection:
        return _value(connection, query)


@contextmanager
def scratch_postgres(url: str) -> Iterator[None]:
    """An empty database for a while, for one at a time. What a check that was killed has left there is known by a
    table, and goes; whatever else has tables in it is refused."""
    with _connected(url) as connection:
        if not _value(connection, "SELECT to_regclass(%s)", SCRATCH):
            _must_be_empty(url, SCRATCH)
            connection.execute(_about("CREATE TABLE {table} AS SELECT 1 AS row", SCRATCH))
    with _connected(url) as connection:
        _have_alone(connection)
        _drop_all(url)
        try:
            yield
        finally:
            _drop_all(url)
            connection.execute(_about("DROP TABLE {table}", SCRATCH))
            connection.commit()


def _have_alone(connection: psycopg.Connection) -> None:
    """By a row: a lock of the table would keep ANALYZE waiting."""
    try:
        connection.execute(_about("SELECT 1 FROM {table} FOR UPDATE NOWAIT", SCRATCH))
    except psycopg.errors.LockNotAvailable as error:
        raise BackupProblem("another backup is being checked in the scratch database: wait for it") from error


def _drop_all(url: str) -> None:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> %s"
    with _connected(url) as connection:
        for (name,) in connection.execute(query, [SCRATCH]).fetchall():
            connection.execute(_about("DROP TABLE {table}", name))


def _clear(url: str) -> None:
    """It was empty before; a half-restored one must not look like one that can be used."""
    with suppress(StoreUnavailable, BackupProblem):
        _drop_all(url)


@contextmanager
def _archive(source: Path) -> Iterator[zipfile.ZipFile]:
    if not source.is_file():
        raise BackupProblem(f"there is no file {source}")
    try:
        with zipfile.ZipFile(source) as archive:
            archive.getinfo(MANIFEST)
            yield archive
    except DAMAGED as error:
        raise BackupProblem(f"{source} is no backup of a PostgreSQL database, or it is damaged: {error}") from error


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    """One transaction."""
    try:
        with psycopg.connect(url, connect_timeout=5, application_name="talktime-backup") as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise StoreUnavailable(str(error)) from error
    except psycopg.Error as error:
        raise BackupProblem(_refusal(error)) from error


def _refusal(error: Exception) -> str:
    return f"PostgreSQL does not take it: {' '.join(str(error).split())}"


def _value(connection: psycopg.Connection, query: LiteralString, *values: object) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def _about(statement: LiteralString, table: str, columns: Sequence[str] = ()) -> sql.Composed:
    names = sql.SQL(", ").join([sql.Identifier(name) for name in columns])
    return sql.SQL(statement).format(table=sql.Identifier(table), columns=names)
