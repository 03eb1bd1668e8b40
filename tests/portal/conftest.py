from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from tests.portal.client import PortalWorld
from tests.web.client import World
from tests.web.conftest import anywhere, empty_data, empty_postgres, postgres_world, world

__all__ = ["anywhere", "empty_data", "empty_postgres", "postgres_world", "world"]


@pytest.fixture
def portal(request: pytest.FixtureRequest) -> Iterator[PortalWorld]:
    """On SQLite."""
    made = PortalWorld(cast(World, request.getfixturevalue("world")))
    yield made
    made.close()


@pytest.fixture
def portal_anywhere(request: pytest.FixtureRequest) -> Iterator[PortalWorld]:
    """On both databases."""
    made = PortalWorld(cast(World, request.getfixturevalue("anywhere")))
    yield made
    made.close()
