from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.shop import Shop
from tests.support.server import Server, serving


@pytest.fixture(scope="session")
def platform_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all doors; each test makes an organization of its own. Whoever kills a server starts another."""
    data: Path = tmp_path_factory.mktemp("doors") / "data"
    with serving(data) as server:
        yield server


@pytest.fixture(scope="session")
def shop(platform_server: Server) -> Iterator[Shop]:
    shop = Shop.opened(platform_server.url, platform_server.operator_key)
    yield shop
    shop.close()
