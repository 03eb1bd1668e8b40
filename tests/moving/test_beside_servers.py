"""An organization moves while servers run at both places and everybody calls: the guide for many machines, lived."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.http.shop import Api, Organization, Shop, good, place
from tests.moving.house import OURS
from tests.rolling.callers import Switch
from tests.support.postgres import Cluster
from tests.support.server import Server, serving, talktime

pytestmark = pytest.mark.slow
MONEY = "10000"
SECONDS_MAX = 60.0
CLOSED = "organization_closed"
WAITS = 3
"""The exit code of an export that has to wait."""


class Caller(Switch):
    """Takes a refusal for an answer, and asks again where the machine is too busy."""

    def __init__(self, api: Api, org: Organization, name: str) -> None:
        super().__init__(api.url, api.key or "", org, name)
        self.refused: Counter[str] = Counter()

    def _call(self, call_id: str) -> None:
        # All the time, but not as fast as the machine can.
        self._stop_asked.wait(0.05)
        told = patiently(self._api, "authorize", self._org.call(call_id))
        if told["decision"] == "refused":
            self.refused[told["reason"]] += 1
            return
        charged = patiently(self._api, "settle", {"call_id": call_id, "duration_seconds": 60})["charge"]
        self.heard.charged += Decimal(charged)
        self.heard.calls += 1

    def goes_on(self) -> bool:
        """Whether calls are charged from now on."""
        return happens(self, lambda: self.heard.calls)

    def is_refused(self) -> bool:
        return happens(self, lambda: self.refused[CLOSED])


def patiently(api: Api, verb: str, form: dict[str, object]) -> Any:
    while (answer := api.post(f"/v1/calls/{verb}", form)).status == 503:
        pass
    return good(answer)


def happens(caller: Caller, count: Any) -> bool:
    before, until = count(), time.monotonic() + SECONDS_MAX
    while count() == before and time.monotonic() < until:
        time.sleep(0.01)
    return bool(count() > before)


class Cell:
    """A server, and somebody in it who has nothing to do with the move."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.shop = Shop.opened(server.url, server.operator_key)
        self.neighbour = self.shop.organization(MONEY)

    def command(self, *words: str | Path) -> Any:
        """With what it says as JSON, and its exit code."""
        return talktime(*words, *self.server.database, **OURS)

    def calling(self, *organizations: Organization) -> Sequence[Caller]:
        return [Caller(self.shop.operator, org, f"s{number}") for number, org in enumerate(organizations)]

    def has(self, org: Organization) -> Organization:
        """The one that has moved, where it is now."""
        return Organization(self.shop.operator, org.id, self.shop.operator.of(org.id), org.caller, org.caller_id)


@contextmanager
def at_work(callers: Sequence[Caller]) -> Iterator[None]:
    for one in callers:
        one.start()
    try:
        yield
    finally:
        for one in callers:
            one.end()
        for one in callers:
            one.join()


@pytest.fixture
def cells(request: pytest.FixtureRequest, tmp_path: Path, postgres: Cluster) -> Iterator[tuple[Cell, Cell]]:
    """The second is cell 2, on PostgreSQL, as an import beside a running server needs it."""
    with ExitStack() as until_the_end:
        old, new = (
            until_the_end.enter_context(place(dialect, tmp_path / name, lambda: postgres))
            for name, dialect in (("old", request.param), ("new", "postgresql"))
        )
        assert talktime("database", "cell", "2", "--database", str(new), **OURS).returncode == 0
        servers = [until_the_end.enter_context(serving(where, environment=OURS)) for where in (old, new)]
        made = [Cell(server) for server in servers]
        for one in made:
            until_the_end.callback(one.shop.close)
        yield made[0], made[1]


@pytest.mark.parametrize("cells", ["sqlite", "postgresql"], indirect=True)
def test_an_organization_moves_while_everybody_calls(cells: tuple[Cell, Cell], tmp_path: Path) -> None:
    left, came = cells
    org = left.shop.organization(MONEY)
    key, first, second = org.key("calls"), tmp_path / "org.move", tmp_path / "again.move"
    mover, *others = callers = [*left.calling(org, left.neighbour), *came.calling(came.neighbour)]
    with at_work(callers):
        assert all(one.goes_on() for one in callers)
        hung_up_and_refused(left, org, mover, first)
        before = exported(left, org, first)
        assert brought(came, first, "--closed")["verify"]["clean"]
        assert mover.is_refused()
        until_nothing_comes(left, came, org, mover, before, second)
        assert all(one.goes_on() for one in others)
        assert brought(came, second)["verify"]["clean"]
    there = came.has(org)
    with Api(came.server.url, key["key"]) as switch:
        assert patiently(switch, "authorize", there.call("c9"))["decision"] == "granted"
    patiently(there.api, "settle", {"call_id": "c9", "duration_seconds": 60})
    assert [one.heard.errors for one in callers] == [[], [], []]
    assert [set(one.refused) for one in callers] == [{CLOSED}, set(), set()]
    for one, books in zip(callers, (org, left.neighbour, came.neighbour), strict=True):
        assert Decimal(books.balance()["balance"]) == Decimal(MONEY) - one.heard.charged
    assert Decimal(there.balance()["balance"]) == Decimal(org.balance()["balance"]) - Decimal("0.1")
    assert [cell.command("verify").returncode for cell in cells] == [0, 0]


def hung_up_and_refused(cell: Cell, org: Organization, mover: Caller, file: Path) -> None:
    """What callers hear of it: `docs/operating/many-machines.md`."""
    assert asked_for(org, "held", switch="edge")["decision"] == "granted"
    early = cell.command("org", "export", org.id, "--close", "--to", file)
    assert (early.returncode, "still under way: " in early.stderr) == (WAITS, True), early.stderr
    assert not file.exists()
    assert mover.is_refused()
    assert asked_for(org, "late")["reason"] == CLOSED
    assert asked_for(org, "emergency", to="999")["decision"] == "granted"
    good(org.api.post("/v1/calls/release", {"call_id": "emergency"}))
    beat = good(org.api.post("/v1/switches/edge/heartbeat", {"boot_id": "1", "active_call_ids": ["held"]}))
    assert beat["hang_up"] == ["held"]
    charged = good(org.api.post("/v1/calls/settle", {"call_id": "held", "duration_seconds": 60}))["charge"]
    mover.heard.charged += Decimal(charged)


def asked_for(org: Organization, call_id: str, **more: str) -> Any:
    return patiently(org.api, "authorize", org.call(call_id, **more))


def exported(cell: Cell, org: Organization, file: Path) -> str:
    """As the guide says: called again until nothing is under way any more. Returns the digest."""
    until = time.monotonic() + SECONDS_MAX
    while (told := cell.command("org", "export", org.id, "--json", "--to", file)).returncode == WAITS:
        assert "still under way" in told.stderr, told.stderr
        assert time.monotonic() < until, told.stderr
    assert told.returncode == 0, told.stderr
    return str(json.loads(told.stdout)["digest"])


def brought(cell: Cell, file: Path, *options: str) -> Any:
    told = cell.command("org", "import", file, "--json", *options)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def until_nothing_comes(left: Cell, came: Cell, org: Organization, mover: Caller, before: str, file: Path) -> None:
    """Refused calls are rows, too: while its switch calls another file differs, and takes the place of the first."""
    assert exported(left, org, file) != before
    mover.end()
    mover.join()
    digest = exported(left, org, file)
    assert brought(came, file, "--closed", "--start-again")["digest"] == digest
