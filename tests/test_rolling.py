"""One strong machine: servers come and go behind a balancer and a pooler, and nobody who calls sees it.

The long form: `python -m tests.rolling --rounds 10`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from ssl import SSLContext

import httpx
import pytest

from tests.http.shop import Api, Organization, Shop, good
from tests.rolling.__main__ import MONEY, run, wrong_books, wrong_money
from tests.rolling.callers import calling, together
from tests.rolling.fleet import Fleet, fleet
from tests.support.certificates import made_in
from tests.support.haproxy import balancing
from tests.support.postgres import Cluster
from tests.support.server import Server

pytestmark = pytest.mark.slow
Ask = Callable[[str], object]
"""Asks for a call of this name."""
INSIDE = "127.0.0.1"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def ours(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(postgres, tmp_path_factory.mktemp("fleet")) as made:
        yield made


@pytest.fixture(scope="module")
def shop(ours: Fleet) -> Iterator[Shop]:
    with closing(Shop.opened(ours.proxy.url, ours.servers[0].operator_key)) as opened:
        yield opened


def home(ours: Fleet, ask: Ask) -> int:
    """Which server decides a call that is asked for; a server that is too busy may have passed it on to the other."""
    rose: list[bool] = []
    while sum(rose) != 1:
        before = ours.decisions()
        ask(f"call-{next(NUMBERS)}")
        rose = [after > was for was, after in zip(before, ours.decisions(), strict=True)]
    return rose.index(True)


def test_a_restart_and_a_death_are_not_seen_by_a_caller(ours: Fleet, shop: Shop) -> None:
    orgs = [shop.organization(MONEY) for _ in range(4)]
    with calling(ours.proxy.url, ours.servers[0].operator_key, orgs) as switches:
        ours.restart(0)
        ours.restart_worker(0)
        ours.kill(1)
    heard = together(switches)
    assert heard.errors == []
    assert heard.calls > len(orgs)
    assert wrong_money(orgs, heard) + wrong_books(ours) == []


def test_an_organization_is_served_by_one_process_however_it_is_named(ours: Fleet, shop: Shop) -> None:
    homes = [{home(ours, ask) for ask in ways_to_ask(ours, shop.organization("10"))} for _ in range(8)]
    assert {len(one) for one in homes} == {1}
    # And not all by the same one.
    assert set.union(*homes) == {0, 1}


def test_organizations_of_one_shard_share_a_process(ours: Fleet, shop: Shop) -> None:
    orgs = [shop.organization("10") for _ in range(6)]
    ours.proxy.stop()
    ours.proxy.shards.write_text("".join(f"{org.id.removeprefix('org_')} 7\n" for org in orgs))
    ours.proxy.start()
    ours.proxy.wait_for_all()
    # Its connection went with the old one.
    shop.operator.close()
    assert len({home(ours, ways_to_ask(ours, org)[0]) for org in orgs}) == 1


def ways_to_ask(ours: Fleet, org: Organization) -> list[Ask]:
    """With a key of its own, with the header, and as a switch that serves many."""
    own, of_all = org.key("calls")["key"], ours.servers[0].operator_key

    def ask(call_id: str, key: str, named: str | None = None, **more: str) -> object:
        with Api(ours.proxy.url, key, named) as api:
            return good(api.post("/v1/calls/authorize", org.call(call_id, **more)))

    return [
        lambda call_id: ask(call_id, own),
        lambda call_id: ask(call_id, of_all, org.id),
        lambda call_id: ask(call_id, of_all, organization=org.id),
    ]


def test_the_world_comes_by_tls_and_sees_no_figures(ours: Fleet, tmp_path: Path) -> None:
    trusted = made_in(tmp_path).client
    (tmp_path / "certificate.pem").rename(tmp_path / "talktime.pem")
    with balancing(tmp_path, [server.port for server in ours.servers], tls=True) as proxy:
        proxy.wait_for_all()
        world, plain = f"https://localhost:{proxy.encrypted}", f"http://127.0.0.1:{proxy.plain}"
        away = asked(f"{plain}/metrics", trusted)
        assert (away.status_code, away.headers["location"].partition(":")[0]) == (301, "https")
        for path in ("metrics", "readyz", "metrics/"):
            assert asked(f"{world}/{path}", trusted).status_code == 403
            assert asked(f"{world}/{path}", trusted, INSIDE).status_code == 200
        for path in ("/metrics", "%6detrics?all"):
            assert asked(f"{world}/{path}", trusted).status_code == 403
        assert asked(f"{world}/healthz", trusted).status_code == 200
        # As Prometheus asks.
        assert asked(f"{proxy.url}/metrics", trusted, INSIDE).status_code == 200


def asked(url: str, trusted: SSLContext, come_from: str = "127.0.0.2") -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(verify=trusted, local_address=come_from), timeout=60) as client:
        return client.get(url)


def test_who_comes_while_a_server_is_started_again_waits(tmp_path: Path) -> None:
    """Where systemd keeps the socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(tmp_path / "data", listener=listener)
        try:
            server.start()
            assert server.port == listener.getsockname()[1]
            assert server.stop() == 0
            with socket.create_connection(listener.getsockname()) as early:
                early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                server.start()
                assert early.recv(100).startswith(b"HTTP/1.1 200 ")
        finally:
            server.remove()


@pytest.mark.prove
def test_ten_rounds_are_not_seen_either(ours: Fleet) -> None:
    assert run(ours, 10).findings == []
