from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import cast

import pytest

from talktime.storage.database import Database, PostgresDatabase, SqliteDatabase
from talktime.storage.schema import prepare
from tests.storage import shop as shops
from tests.storage.fault_work import Wanted, before, effect, said, work
from tests.storage.shop import Shop
from tests.support.postgres import Cluster

DIALECTS = ("sqlite", "postgresql")


class Maker:
    """New databases with the schema and nobody in them: migrated once, then copied."""

    def __init__(self, folder: Path, postgres: Callable[[], Cluster]) -> None:
        self._folder = folder
        self._start = postgres

    @cached_property
    def cluster(self) -> Cluster:
        """The server is started by the first test that needs it."""
        return self._start()

    @cached_property
    def _file(self) -> Path:
        path = self._folder / "empty.db"
        _migrate(SqliteDatabase(path))
        return path

    @cached_property
    def _name(self) -> str:
        url = self.cluster.fresh_database()
        _migrate(PostgresDatabase(url))
        return url.rpartition("/")[2]

    @contextmanager
    def shop_on(self, dialect: str, folder: Path) -> Iterator[Shop]:
        if dialect == "sqlite":
            shop = shops.sqlite_shop(Path(shutil.copy(self._file, folder / "talktime.db")))
        else:
            shop = shops.postgres_shop(self.cluster.fresh_database(copy_of=self._name))
        try:
            yield shop
        finally:
            shop.close()
            if dialect == "postgresql":
                self.cluster.drop_database(shop.database.url)

    @contextmanager
    def nothing_on(self, dialect: str, folder: Path) -> Iterator[str]:
        """Where a database can be made: its URL."""
        if dialect == "sqlite":
            yield f"sqlite:///{folder / 'new.db'}"
            return
        url = self.cluster.fresh_database()
        yield url
        self.cluster.drop_database(url)


def _migrate(database: Database) -> None:
    prepare(database)
    database.close()


@pytest.fixture(scope="session")
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("storage"), lambda: cast(Cluster, request.getfixturevalue("postgres")))


@pytest.fixture(params=DIALECTS)
def shop(request: pytest.FixtureRequest, maker: Maker, tmp_path: Path) -> Iterator[Shop]:
    with maker.shop_on(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def sqlite_shop(maker: Maker, tmp_path: Path) -> Iterator[Shop]:
    with maker.shop_on("sqlite", tmp_path) as made:
        yield made


@pytest.fixture
def postgres_shop(maker: Maker, tmp_path: Path) -> Iterator[Shop]:
    with maker.shop_on("postgresql", tmp_path) as made:
        yield made


@pytest.fixture(params=DIALECTS)
def nothing(request: pytest.FixtureRequest, maker: Maker, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that is not made yet, or has nothing in it."""
    with maker.nothing_on(request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def wanted(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    with maker.shop_on("sqlite", tmp_path_factory.mktemp("wanted")) as shop:
        before(shop, [1])
        early = effect(shop, 1)
        shop.engine.run(work(shop, [1]))
        late = effect(shop, 1)
        assert shop.problems() == []
        return Wanted(early, late, said(shop.engine.run(work(shop, [1]))))
