from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.http.shop import Organization, Shop, good
from tests.integrations.diameter.client import Client
from tests.integrations.diameter.door import Door, door_to
from tests.support.fault_proxy import FaultProxy
from tests.support.server import Server

PURSES = ("1000", "10", "0.2", "0.1", "", "10", "10", "10")
"""What the organizations of the tests have."""
QUICKLY = 20.0


class Switch:
    """A client whose calls are one organization's."""

    def __init__(self, client: Client, organization: Organization) -> None:
        self.client, self.organization = client, organization
        self.parties = {"user": f"sip:{organization.caller}", "to": "tel:+44-20-7946-0123"}

    def initial(self, session: str, **fields: Any) -> Any:
        return self.client.initial(session, **(self.parties | fields))

    def story(self, session: str) -> Any:
        return good(self.organization.api.get(f"/v1/calls/{quote(f'diameter:{session}', safe='')}"))

    def ended(self, session: str) -> Any:
        """The story, once it is told to its end."""
        until = time.monotonic() + QUICKLY
        while (story := self.story(session)).get("state") == "open":
            assert time.monotonic() < until, story
            time.sleep(0.02)
        return story

    @property
    def held(self) -> str:
        return str(self.organization.balance()["held"])


class Exchange:
    """The door with all the tests' organizations behind it, each known by the host of its switch."""

    def __init__(self, door: Door, organizations: list[Organization]) -> None:
        self.door, self.organizations = door, organizations
        self._clients: list[Client] = []

    def switch(self, number: int = 0) -> Switch:
        client = Client(self.door.port, f"switch{number}.example.net")
        self._clients.append(client)
        assert client.greet().result_code == 2001
        return Switch(client, self.organizations[number])

    def hang_up(self) -> None:
        while self._clients:
            self._clients.pop().socket.close()


@pytest.fixture(scope="session")
def network(platform_server: Server) -> Iterator[FaultProxy]:
    """Between the door and the platform."""
    with FaultProxy(platform_server.url, delay_seconds=3.0) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def opened(
    network: FaultProxy, shop: Shop, platform_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exchange]:
    folder: Path = tmp_path_factory.mktemp("diameter")
    organizations = [shop.organization(*([amount] if amount else []), mode="test") for amount in PURSES]
    names = folder / "organizations"
    lines = [f"host switch{number}.example.net {one.id}" for number, one in enumerate(organizations)]
    names.write_text("# switches of the tests\n" + "\n".join(lines))
    options = ("--organizations", str(names), "--watchdog", "1")
    with door_to(network.url, platform_server.operator_key, folder, *options) as door:
        yield Exchange(door, organizations)


@pytest.fixture
def exchange(opened: Exchange, network: FaultProxy) -> Iterator[Exchange]:
    network.fault_next([])
    yield opened
    opened.hang_up()
