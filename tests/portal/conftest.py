from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.portal.client import PortalWorld
from tests.portal.site import Site, demonstration
from tests.support.browser import browser
from tests.web.client import World
from tests.web.conftest import anywhere, empty_data, empty_postgres, postgres_world, world

__all__ = ["anywhere", "empty_data", "empty_postgres", "postgres_world", "world"]


@pytest.fixture
def portal(world: World) -> Iterator[PortalWorld]:
    """On SQLite."""
    made = PortalWorld(world)
    yield made
    made.close()


@pytest.fixture
def portal_anywhere(anywhere: World) -> Iterator[PortalWorld]:
    """On both databases."""
    made = PortalWorld(anywhere)
    yield made
    made.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with demonstration(tmp_path_factory.mktemp("site") / "data") as made:
        yield made


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Not for longer than these tests: while it is open, a loop runs in this thread, and nobody else can run one."""
    with browser() as made:
        yield made
