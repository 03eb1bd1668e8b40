"""The two databases: where worlds are made once, copied for each leg, and asked when the leg is over."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import Table

from bench.world import World, begin, fill
from talktime.settings import DATABASE_FILE, Settings
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Cluster, new_cluster

# So that nothing is written into a data folder where PostgreSQL is the database.
SECRET_KEY = urlsafe_b64encode(bytes(32)).decode()
COPIED_MAX = 200_000
"""A world with more old calls is not copied for each leg: it hardly changes by one."""

# As floor/postgresql/run.sh once had them; the rest is what PostgreSQL comes with, so a commit is on the disk.
POSTGRES_SETTINGS = {
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
}

Row = Sequence[Any]


@dataclass(frozen=True)
class Ground:
    """A filled database that one leg may use up."""

    world: World
    key: str
    environment: Mapping[str, str]
    """Settings of the server that is to use it."""
    folder: Path
    """On the disk that the database is on."""
    rows: Callable[[str], Sequence[Row]]
    """Asks it, whatever organization a row is of."""
    processes: Sequence[psutil.Process] = ()
    """Those of the database, where it has some."""


class Place(Protocol):
    name: str

    @property
    def folder(self) -> Path: ...

    @property
    def processes(self) -> Sequence[psutil.Process]: ...

    @contextmanager
    def ground(self, world: World) -> Iterator[Ground]:
        """A world of a leg's own, gone afterwards."""
        ...


class Sqlite:
    name = "sqlite"
    processes: Sequence[psutil.Process] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[World, tuple[Path, str]] = {}

    @contextmanager
    def ground(self, world: World) -> Iterator[Ground]:
        made, key = self._template(world)
        if world.old_calls > COPIED_MAX:
            yield self._ground(world, key, made)
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as own:
            data = Path(own) / "data"
            data.mkdir(mode=0o700)
            shutil.copy(made / DATABASE_FILE, data)
            # What is still to be written for the copy must not be written while somebody measures.
            subprocess.run(["sync", data / DATABASE_FILE], check=True)
            yield self._ground(world, key, data)

    def _ground(self, world: World, key: str, data: Path) -> Ground:
        return Ground(world, key, {"TALKTIME_DATA": str(data)}, data, lambda query: _rows_of(data, query))

    def _template(self, world: World) -> tuple[Path, str]:
        if world not in self._made:
            data = Path(tempfile.mkdtemp(dir=self.folder)) / "data"
            key = begin(Settings(data=data), world)
            with sqlite3.connect(data / DATABASE_FILE, isolation_level=None) as connection:
                connection.execute("PRAGMA cache_size = -1000000")
                connection.execute("BEGIN")
                fill(world, lambda table, columns, rows: _insert(connection, table, columns, rows))
                connection.execute("COMMIT")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            self._made[world] = data, key
        return self._made[world]


def _insert(connection: sqlite3.Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
    names = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({places})", map(_as_text, rows))


def _as_text(row: Row) -> list[Any]:
    """Everything that is loaded as bytes is JSON."""
    return [value.decode() if isinstance(value, bytes) else value for value in row]


def _rows_of(data: Path, query: str) -> Sequence[Row]:
    connection = sqlite3.connect(data / DATABASE_FILE)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


class Postgres:
    name = "postgresql"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._made: dict[World, tuple[str, str]] = {}

    @property
    def folder(self) -> Path:
        return self.cluster.data

    @property
    def processes(self) -> Sequence[psutil.Process]:
        return [psutil.Process(self.cluster.pid)]

    def socket_url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.cluster.folder}&port={self.cluster.port}"

    @contextmanager
    def ground(self, world: World) -> Iterator[Ground]:
        made, key = self._template(world)
        if world.old_calls > COPIED_MAX:
            yield self._ground(world, key, made)
            return
        url = self.cluster.fresh_database(copy_of=made)
        name = url.rpartition("/")[2]
        self.command("CHECKPOINT")
        yield self._ground(world, key, name)
        self.cluster.drop_database(url)

    def command(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.socket_url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _ground(self, world: World, key: str, database: str) -> Ground:
        url = self.socket_url(database, "talktime")
        environment = {"TALKTIME_DATABASE": url, "TALKTIME_SECRET_KEY": SECRET_KEY}
        return Ground(world, key, environment, self.folder, lambda query: self._rows(database, query), self.processes)

    def _rows(self, database: str, query: str) -> Sequence[Row]:
        with psycopg.connect(self.socket_url(database)) as connection:
            return connection.execute(query.encode()).fetchall()

    def _template(self, world: World) -> tuple[str, str]:
        if world not in self._made:
            name = self.cluster.fresh_database().rpartition("/")[2]
            key = begin(Settings(database=self.socket_url(name, "talktime"), secret_key=SECRET_KEY), world)
            # As the superuser, whom no row-level security keeps from COPY.
            with psycopg.connect(self.socket_url(name)) as connection:
                fill(world, lambda table, columns, rows: _copy(connection, table, columns, rows))
            self.command("VACUUM ANALYZE", name)
            self.command("CHECKPOINT")
            self._made[world] = name, key
        return self._made[world]


@dataclass(frozen=True)
class Pooled:
    """The same through PgBouncer."""

    place: Postgres
    pooler: PgBouncer
    name = "postgresql"

    @property
    def folder(self) -> Path:
        return self.place.folder

    @property
    def processes(self) -> Sequence[psutil.Process]:
        return [*self.place.processes, psutil.Process(self.pooler.pid)]

    @contextmanager
    def ground(self, world: World) -> Iterator[Ground]:
        with self.place.ground(world) as ground:
            url = self.pooler.socket_url(ground.environment["TALKTIME_DATABASE"])
            environment = {**ground.environment, "TALKTIME_DATABASE": url}
            yield replace(ground, environment=environment, processes=self.processes)


def _copy(connection: psycopg.Connection[Any], table: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(_as_text(row))


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server of the bench's own, gone afterwards."""
    with new_cluster(fsync=True) as cluster:
        with psycopg.connect(cluster.superuser_url(), autocommit=True) as connection:
            for name, value in POSTGRES_SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        cluster.stop()
        cluster.start()
        yield Postgres(cluster)
