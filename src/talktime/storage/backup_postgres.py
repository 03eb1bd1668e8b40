"""A backup of PostgreSQL: an archive with a binary COPY of each table, all from one snapshot.

No client tools are needed, and it can be put into any server that knows the same types.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from talktime.storage import schema
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, PostgresDatabase
from talktime.storage.errors import SchemaTooNew, StoreUnavailable

Progress = Callable[[int, int], None]
MANIFEST, FORMAT = "manifest.json", 1
CHUNK_BYTES = 1 << 20
SCRATCH = "scratch_of_talktime"
"""Who has this table may be emptied."""
APPEND_ONLY = frozenset(table.name for table in (t.entries, t.audit, t.seals, t.user_blocks, t.inbox, t.receipts))


class BackupProblem(Exception):
    """It cannot be backed up or restored like this; the message says why."""


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
        tables = {table.name: [column.name for column in table.columns] for table in t.metadata.sorted_tables}
        size = "SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class WHERE oid = ANY(%s::regclass[])"
        total = _value(connection, size, [*tables])
        done = 0
        for name, columns in tables.items():
            with archive.open(name, "w", force_zip64=True) as file:
                for data in _rows(connection, name, columns):
                    file.write(data)
                    done += len(data)
                    progress(min(done, total), total)
        version = _value(connection, "SELECT version_num FROM alembic_version")
        archive.writestr(MANIFEST, json.dumps({"format": FORMAT, "schema": version, "tables": tables}))
        progress(total, total)


def _rows(connection: psycopg.Connection, table: str, columns: Sequence[str]) -> Iterator[Any]:
    statement = _about("COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT BINARY)", table, columns)
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        yield from rows


def restore_postgres(source: Path, url: str, progress: Progress) -> None:
    with _archive(source) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        must_be_known(manifest["schema"])
        _must_be_empty(url)
        with closing(PostgresDatabase(url)) as database:
            try:
                schema.migrate(database, manifest["schema"])
                _load(url, archive, manifest["tables"], progress)
            except BaseException:
                _clear(url)
                raise
            schema.prepare(database)


def _load(url: str, archive: zipfile.ZipFile, tables: Mapping[str, Sequence[str]], progress: Progress) -> None:
    """All of it in one transaction, with the walls down for its owner while it lasts."""
    done, total = 0, sum(archive.getinfo(name).file_size for name in tables)
    walled = [table.name for table in t.of_kind("organization") if table.name in tables]
    with _connected(url) as connection:
        for name in walled:
            connection.execute(_about("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", name))
        for name, columns in tables.items():
            if name not in APPEND_ONLY:
                # What a new database is born with.
                connection.execute(_about("DELETE FROM {table}", name))
            statement = _about("COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)", name, columns)
            with archive.open(name) as file, connection.cursor() as cursor, cursor.copy(statement) as rows:
                while chunk := file.read(CHUNK_BYTES):
                    rows.write(chunk)
                    done += len(chunk)
                    progress(done, total)
        for name in walled:
            connection.execute(_about("ALTER TABLE {table} FORCE ROW LEVEL SECURITY", name))
        connection.execute("ANALYZE")


def _must_be_empty(url: str) -> None:
    with _connected(url) as connection:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename <> %s"
        there = _value(connection, query, SCRATCH)
    if there:
        raise BackupProblem("the database has tables in it: a backup is restored into an empty database only")


@contextmanager
def scratch_postgres(url: str) -> Iterator[None]:
    """An empty database for a while, for one at a time. What a check that was killed has left there is known by a
    table, and goes; whatever else has tables in it is refused."""
    with _connected(url) as connection:
        if not _value(connection, "SELECT to_regclass(%s)", SCRATCH):
            _must_be_empty(url)
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
    with suppress(StoreUnavailable, psycopg.Error), _connected(url) as connection:
        for name in [*(table.name for table in reversed(t.metadata.sorted_tables)), "alembic_version"]:
            connection.execute(_about("DROP TABLE IF EXISTS {table}", name))


@contextmanager
def _archive(source: Path) -> Iterator[zipfile.ZipFile]:
    if not source.is_file():
        raise BackupProblem(f"there is no file {source}")
    try:
        with zipfile.ZipFile(source) as archive:
            archive.getinfo(MANIFEST)
            yield archive
    except (zipfile.BadZipFile, KeyError) as error:
        raise BackupProblem(f"{source} is no backup of a PostgreSQL database, or it is damaged: {error}") from error


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    """One transaction."""
    try:
        with psycopg.connect(url, connect_timeout=5, application_name="talktime-backup") as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise StoreUnavailable(str(error)) from error


def _value(connection: psycopg.Connection, query: LiteralString, *values: object) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def _about(statement: LiteralString, table: str, columns: Sequence[str] = ()) -> sql.Composed:
    names = sql.SQL(", ").join([sql.Identifier(name) for name in columns])
    return sql.SQL(statement).format(table=sql.Identifier(table), columns=names)
