from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from talktime.app import open_app
from talktime.core.time import MINUTE, SECOND
from talktime.settings import Settings, load
from talktime.storage.verify import verify
from tests.support.fake_stripe import API_KEY, SECRET, FakeStripe
from tests.support.postgres import Cluster
from tests.support.server import SETTINGS_OF_ALL
from tests.web.client import Clock, World
from tests.web.shopper import Shopper


@pytest.fixture(scope="session")
def empty_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database is made once and then copied."""
    folder = tmp_path_factory.mktemp("empty")
    open_app(Settings(data=folder)).close()
    return folder


@contextmanager
def opened(settings: Settings, clock: Clock | None = None) -> Iterator[World]:
    """However a test has left it, the books must add up."""
    clock = clock or Clock()
    app = open_app(settings, clock)
    world = World(app, clock)
    try:
        yield world
        found = verify(app.database, lambda done, total: None).findings
        assert [one for one in found if one.invariant not in world.made_up] == []
    finally:
        world.door.close()
        app.close()


@pytest.fixture
def world(empty_data: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(empty_data, tmp_path / "data")
    with opened(Settings(data=tmp_path / "data")) as made:
        yield made


@pytest.fixture(scope="session")
def empty_postgres(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that is made once and then copied."""
    url = postgres.fresh_database()
    open_app(load({"data": tmp_path_factory.mktemp("postgres"), "database": url}, SETTINGS_OF_ALL)).close()
    return url.rpartition("/")[2]


@pytest.fixture
def postgres_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    cluster = cast(Cluster, request.getfixturevalue("postgres"))
    url = cluster.fresh_database(copy_of=request.getfixturevalue("empty_postgres"))
    with opened(load({"data": tmp_path, "database": url}, SETTINGS_OF_ALL)) as made:
        yield made
    cluster.drop_database(url)


@pytest.fixture(params=["world", "postgres_world"], ids=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest) -> World:
    """On both databases."""
    return cast(World, request.getfixturevalue(request.param))


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    with FakeStripe() as made:
        yield made


@pytest.fixture
def shopper(empty_data: Path, tmp_path: Path, stripe: FakeStripe) -> Iterator[Shopper]:
    """Stripe's clock is the machine's, so ours is, too, and a little ahead of it."""
    shutil.copytree(empty_data, tmp_path / "data")
    settings = Settings(
        data=tmp_path / "data", stripe_api_key=API_KEY, stripe_webhook_secrets=SECRET, stripe_api_base=stripe.url
    )
    with opened(settings, Clock(int(time.time()) * SECOND + MINUTE)) as world:
        yield Shopper(world, stripe)
