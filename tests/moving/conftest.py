from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from tests.moving.house import (
    ALL,
    SECRET,
    House,
    installation,
)
from tests.support.postgres import Cluster
from tests.web.client import World
from tests.web.conftest import anywhere, empty_data, empty_postgres, postgres_world, world

__all__ = ["anywhere", "empty_data", "empty_postgres", "postgres_world", "world"]


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes installations, each with a database of its own."""
    with ExitStack() as until_the_end:

        def make(dialect: str = "sqlite", secret: str = SECRET) -> World:
            folder = tmp_path / f"place{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            url = None
            if dialect == "postgresql":
                cluster = cast(Cluster, request.getfixturevalue("postgres"))
                url = cluster.fresh_database()
                until_the_end.callback(cluster.drop_database, url)
            return until_the_end.enter_context(installation(folder, url, secret))

        yield make


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an organization with something in it of every kind."""
    folder = tmp_path_factory.mktemp("lived")
    with installation(folder) as world:
        house = House(world)
        house.live(ALL)
        house.close()
        house.export(folder / "org.move")
    return folder / "org.move"
