from __future__ import annotations

from collections.abc import Iterator

import pytest

from talktime.integrations.asterisk.channel import Channel
from talktime.integrations.platform import SECONDS_MAX
from tests.http.shop import Organization, Shop
from tests.integrations.asterisk.asterisk import FakeManager, Pbx, agi
from tests.support.fault_proxy import FaultProxy
from tests.support.server import Server

TOO_LATE = 2 * SECONDS_MAX


@pytest.fixture
def org(shop: Shop) -> Organization:
    return shop.organization("10")


@pytest.fixture(scope="session")
def agi_network(platform_server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(platform_server.url, TOO_LATE) as proxy:
        yield proxy


@pytest.fixture
def network(agi_network: FaultProxy) -> Iterator[FaultProxy]:
    """Between the door and its platform."""
    yield agi_network
    agi_network.fault_next([])


@pytest.fixture(scope="session")
def agi_port(agi_network: FaultProxy, platform_server: Server) -> Iterator[int]:
    """Of a door without a manager interface."""
    with agi(agi_network.url, platform_server.operator_key) as port:
        yield port


@pytest.fixture
def pbx(agi_port: int, org: Organization) -> Pbx:
    return Pbx(agi_port, org)


@pytest.fixture
def channel(pbx: Pbx) -> Channel:
    return pbx.channel("+442079460123")


@pytest.fixture(scope="session")
def manager() -> Iterator[FakeManager]:
    with FakeManager() as made:
        yield made


@pytest.fixture(scope="session")
def managed_port(agi_network: FaultProxy, platform_server: Server, manager: FakeManager) -> Iterator[int]:
    """Of a door that can move the end of calls."""
    with agi(agi_network.url, platform_server.operator_key, "--ami", manager.address) as port:
        yield port
