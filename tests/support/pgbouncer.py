"""PgBouncer in front of a PostgreSQL server of the tests, in transaction mode.

    with pooled(cluster) as pooler:
        pooler.url(cluster.fresh_database())

It is set up as we ship it. With HARSH each transaction gets a new connection, which ends with it: whatever relies on a
session fails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg

from talktime.cli.shipped import SHIPPED
from talktime.storage.postgres_store import PostgresStore
from tests.support.ports import free_port
from tests.support.postgres import Cluster, runner, wait_for
from tests.support.server import SETTINGS_OF_ALL
from tests.support.tethered import Tethered

SHIPPED_SETTINGS = SHIPPED / "pooler" / "pgbouncer.ini"
OWN = {"auth_type": "trust", "admin_users": "postgres"}
OFF = {"prepare": False}
HARSH = {"server_lifetime": "0"}


class PgBouncer:
    def __init__(self, cluster: Cluster, **settings: str) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "there is no pgbouncer: `make packages` installs it"
        self.port = free_port()
        self._cluster = cluster
        self._program = program
        self._folder = cluster.folder / f"pgbouncer-{self.port}"
        where = {"listen_port": str(self.port), "unix_socket_dir": str(cluster.folder)}
        self._settings = shipped() | OWN | settings | where
        self._process: Tethered | None = None

    @property
    def pid(self) -> int:
        """Of the process whose child it is."""
        assert self._process
        return self._process.pid

    def url(self, direct: str) -> str:
        """The same database, through here."""
        where = urlsplit(direct)
        return where._replace(netloc=f"{where.username}@127.0.0.1:{self.port}", query="").geturl()

    def socket_url(self, direct: str) -> str:
        """And not over the network."""
        where = urlsplit(direct)
        own = f"host={self._cluster.folder}&port={self.port}"
        return f"postgresql://{where.username}@/{where.path.strip('/')}?{own}"

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        (self._folder / "users").write_text('"talktime" ""\n"postgres" ""\n')
        path = self._folder / "pgbouncer.ini"
        path.write_text(self._configuration())
        # As PostgreSQL it refuses to be root.
        self._process = Tethered([self._program, path], self._folder / "log", runner())
        wait_for("PgBouncer does not answer", self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _configuration(self) -> str:
        lines = [f"{name} = {value}" for name, value in self._settings.items()]
        database = f"* = host={self._cluster.folder} port={self._cluster.port}"
        users = f"auth_file = {self._folder / 'users'}"
        return "\n".join(["[databases]", database, "[pgbouncer]", *lines, users, ""])

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/pgbouncer").close()
        except psycopg.OperationalError:
            return False
        return True


def shipped() -> dict[str, str]:
    file = ConfigParser(interpolation=None)
    file.read(SHIPPED_SETTINGS)
    return dict(file["pgbouncer"])


@contextmanager
def pooled(cluster: Cluster, **settings: str) -> Iterator[PgBouncer]:
    pooler = PgBouncer(cluster, **settings)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.stop()


@contextmanager
def everything_pooled(cluster: Cluster) -> Iterator[None]:
    """Whoever asks the cluster for an address is sent through a pooler, and is set up for one."""
    with (
        pooled(cluster, **HARSH) as pooler,
        patch.dict(SETTINGS_OF_ALL, TALKTIME_PREPARED_STATEMENTS="no"),
        patch.object(cluster, "front", pooler.port),
        patch.object(PostgresStore.__init__, "__kwdefaults__", OFF),
    ):
        yield
