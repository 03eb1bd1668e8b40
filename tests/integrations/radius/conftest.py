from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.http.shop import Organization, Shop, good
from tests.integrations.radius.lab import Radius, freeradius
from tests.support.proxy import Proxy
from tests.support.server import Server
from tests.web.conftest import empty_data, world

__all__ = ["empty_data", "world"]


@dataclass(slots=True)
class Lab:
    """FreeRADIUS before the platform, with a wire between them that can be held still, and who may call through it."""

    radius: Radius
    wire: Proxy
    shop: Shop
    org: Organization
    numbers: Iterator[int]

    def session(self) -> str:
        return f"5E{next(self.numbers):06}"

    def story(self, session: str) -> Any:
        return good(self.org.api.get(f"/v1/calls/gw1-{session}"))

    @property
    def held(self) -> str:
        return str(self.org.balance()["held"])


@pytest.fixture(scope="session")
def lab(platform_server: Server, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """For all tests with an organization that has money. They make calls of their own and leave nothing held."""
    org = shop.organization("1000", limits={"slice_seconds": 60, "fraud": {}})
    folder = tmp_path_factory.mktemp("radius")
    key = folder / "key"
    key.write_text(org.key("calls")["key"])
    wire = Proxy(platform_server.port)
    options = ["--url", f"http://127.0.0.1:{wire.port}", "--key-file", str(key)]
    with freeradius(folder / "raddb", *options) as radius:
        yield Lab(radius, wire, shop, org, count(1))
    wire.close()
