"""A telephone company on the loopback: the real server, Kamailio before it, customers who call, people who are called.

Each customer is an organization with a loopback address of its own, which is how Kamailio knows it, and one caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any

from tests.core.switch import NO_GUARD
from tests.http.shop import Api, Organization, Shop, good
from tests.sip.kamailio import Proxy, proxying
from tests.sip.scenarios import Caller
from tests.sip.sipp import Callees, Calls
from tests.sip.trace import Talk
from tests.support.ports import free_port
from tests.support.server import Server, serving

HOUSES = 100
TRUNK, INSIDE, STRANGER = "127.0.0.2", "127.0.0.4", "127.0.0.9"
SLICE_SECONDS = 10
PER_SECOND = Decimal("0.01")
PRICES = [
    {"prefix": "44", "per_minute": "0.6", "initial_seconds": 1, "step_seconds": 1},
    {"prefix": "1", "per_minute": "0.6"},
    {"prefix": "44", "per_minute": "0.6", "initial_seconds": 1, "step_seconds": 1, "kind": "toll_free"},
    {"prefix": "44", "per_minute": "0.6", "initial_seconds": 1, "step_seconds": 1, "kind": "conference"},
]
TAKEN_SECONDS_MAX = 30.0
"""Until the last report of a call has been taken."""
Json = Any


def until(
    true: Callable[[], Any], what: str, seconds: float = TAKEN_SECONDS_MAX, told: Callable[[], Any] = lambda: ""
) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; {told()}"
        time.sleep(0.1)
    return found


@dataclass
class House:
    """A customer: money, one caller, an address. Whoever takes one has it for himself."""

    lab: Lab
    organization: Organization
    address: str
    number: str
    funds: Decimal = Decimal(0)

    def numbers(self, target: str) -> list[str]:
        """NUMBER,CALL_TYPE,ORGANIZATION,USER,HOST:PORT"""
        return [
            f"{self.freephone},ucap_in,{self.id},,{target}",
            f"{self.bridge},conf_in,{self.id},{self.organization.caller},{target}",
            f"{self.direct_line},user_in,{self.id},{self.organization.caller},{target}",
        ]

    @property
    def freephone(self) -> str:
        return f"+448081570{self.number[-3:]}"

    @property
    def bridge(self) -> str:
        return f"+442079460{self.number[-3:]}"

    @property
    def direct_line(self) -> str:
        return self.number

    @property
    def id(self) -> str:
        return self.organization.id

    @property
    def api(self) -> Api:
        return self.organization.api

    def fund(self, amount: str) -> None:
        self.organization.grant(amount)
        self.funds += Decimal(amount)

    def reconnect(self) -> None:
        """The server was away."""
        self.organization.operator.close()

    def limit(self, **limits: Json) -> None:
        good(self.organization.operator.patch(self.organization.path, {"limits": limits}))

    def hold(self, *licences: str, **purchased: int | None) -> None:
        bought = {code: purchased.get(code) for code in licences if code != "MCOPSTNPP"}
        self.organization.assign(bought, *licences)

    # ------------------------------------------------------------------------------------------------- calling

    def calling(
        self,
        *,
        by: Proxy | None = None,
        at: str = "",
        times: int = 1,
        rate: int = 20,
        call_id: str = "",
        **caller: Any,
    ) -> Calls:
        """Begun, and not waited for; `times` calls, so many a second, from its own address or from another."""
        who = Caller(**({"user": self.number} | caller))
        target = (by or self.lab.proxy).target
        return self.lab.keep(Calls(self.lab.folder, who, target, at or self.address, times, rate, call_id))

    def call(self, **caller: Any) -> Talk:
        """To its end."""
        return self.calling(**caller).ended().talk

    # ------------------------------------------------------------------------------------------------- the books

    def calls(self) -> list[Json]:
        """As the books know them, newest first."""
        return self.organization.rows("/v1/calls")

    def story(self, number: int = 0) -> Json:
        return good(self.api.get(f"/v1/calls/{self.calls()[number]['call_id']}"))

    def open_calls(self) -> list[Json]:
        return [one for one in self.calls() if one["state"] == "open"]

    def open_call(self) -> Json:
        """The one in progress."""
        return until(self.open_calls, "a call is in progress")[0]

    def answered_call(self) -> Json:
        return until(lambda: [one for one in self.open_calls() if one["answered_at"]], "a call was answered")[0]

    @property
    def held(self) -> Decimal:
        return Decimal(self.organization.balance()["held"])

    def closed(self, count: int = 1) -> list[Json]:
        """So many calls, all over, nothing held, and every cent of the balance told by a charge."""

        def at_rest() -> list[Json]:
            calls = self.calls()
            return calls if len(calls) == count and all(one["state"] != "open" for one in calls) else []

        calls: list[Json] = until(at_rest, f"{count} calls are over", told=self.calls) if count else self.calls()
        assert len(calls) == count, calls
        balance, charges = self.organization.balance(), self.charges()
        assert balance["held"] == "0"
        assert len({one["cause"] for one in charges}) == len(charges), charges
        assert Decimal(balance["balance"]) == self.funds + sum(Decimal(one["amount"]) for one in charges)
        assert sum(Decimal(one["charge"]) for one in calls) == -sum(Decimal(one["amount"]) for one in charges)
        return calls

    def charges(self) -> list[Json]:
        return [one for one in self.organization.rows("/v1/entries") if one["kind"] == "charge"]

    def paid(self, seconds: float, tolerance: float = 1.0) -> Json:
        """The only call, charged once: for the seconds that were talked, none begun for nothing and none forgotten."""
        [call] = self.closed()
        assert call["state"] == "settled", call
        assert abs(call["duration_seconds"] - seconds) <= tolerance, (call, seconds)
        assert Decimal(call["charge"]) == call["duration_seconds"] * PER_SECOND, call
        return self.story()

    def released(self) -> Json:
        """The only call: it cost nothing, and nothing is held for it."""
        [call] = self.closed()
        assert (call["state"], call["charge"]) == ("released", "0"), call
        return self.story()

    def refused(self, reason: str) -> Json:
        [call] = self.closed()
        story = self.story()
        assert (call["state"], story["reason"]) == ("refused", reason), story
        return story


@dataclass
class Lab:
    folder: Path
    server: Server
    callees: Callees
    """Whoever is called through the trunk."""
    inside: Callees
    """Who takes calls to the numbers of a house."""
    houses: list[House] = field(default_factory=list)
    _proxy: Proxy | None = None
    _taken: int = 0
    _lock: Lock = field(default_factory=Lock)
    _making: Lock = field(default_factory=Lock)
    _common: dict[str, Any] = field(default_factory=dict)
    _ending: ExitStack = field(default_factory=ExitStack)

    @property
    def proxy(self) -> Proxy:
        """The one for all who need none of their own."""
        assert self._proxy
        return self._proxy

    def house(self, *amounts: str, **limits: Json) -> House:
        """One that nobody else has, with a connection of its own to the server."""
        house = self.houses[self._next()]
        api = Api(self.server.url, self.server.operator_key)
        self._ending.callback(api.close)
        house.organization.operator = api
        house.organization.api = api.of(house.organization.id)
        for amount in amounts:
            house.fund(amount)
        if limits:
            house.limit(**limits)
        return house

    def _next(self) -> int:
        with self._lock:
            self._taken += 1
            return self._taken - 1

    def keep(self, calls: Calls) -> Calls:
        self._ending.callback(calls.end)
        return calls

    def options(self, name: str, *, url: str = "", trunk: str = "", told: bool = False) -> list[str]:
        """Of `talktime kamailio init`, for a proxy that knows all houses."""
        known = [f"--organization={house.organization.id}={house.address}" for house in self.houses]
        where = ["--url", url or self.server.url, "--key-file", str(self.folder / "key")]
        door = ["--cut-url", f"http://127.0.0.1:{free_port()}/cut"] if told else []
        return [*where, *door, "--trunk", trunk or self.callees.target, *known, "--name", name]

    def numbers(self) -> list[str]:
        """For the file of that name."""
        return [line for house in self.houses for line in house.numbers(self.inside.target)]

    @contextmanager
    def own_proxy(self, name: str, *, start: bool = True, **options: Any) -> Iterator[Proxy]:
        with proxying(self.folder / name, self.options(name, **options), self.numbers(), start) as proxy:
            yield proxy

    def common(self, name: str, make: Callable[[], AbstractContextManager[Any]]) -> Any:
        """Something that several cases share: made by the first who needs it."""
        with self._making:
            if name not in self._common:
                self._common[name] = self._ending.enter_context(make())
            return self._common[name]

    @contextmanager
    def beside(self, houses: int = 3) -> Iterator[Lab]:
        """Another company, for who wants to kill its server."""
        folder = self.folder / f"beside-{self._next()}"
        folder.mkdir()
        with serving(folder / "data") as server, opened(folder, server, houses) as other:
            yield other

    def open(self, houses: int) -> None:
        key = self.folder / "key"
        key.write_text(self.server.operator_key)
        key.chmod(0o600)
        shop = Shop(Api(self.server.url, self.server.operator_key))
        shop.price_list(rows=PRICES)
        for number in range(houses):
            organization = shop.organization(limits={"slice_seconds": SLICE_SECONDS, "fraud": NO_GUARD})
            address, phone = f"127.0.{number // 200 + 1}.{number % 200 + 1}", f"+447700900{number:03}"
            good(organization.api.patch(f"/v1/users/{organization.caller_id}", {"number": phone}))
            self.houses.append(House(self, organization, address, phone))
        shop.close()

    def close(self) -> None:
        self._ending.close()


@contextmanager
def opened(folder: Path, server: Server, houses: int = HOUSES) -> Iterator[Lab]:
    with Callees(folder, TRUNK) as callees, Callees(folder, INSIDE) as inside:
        lab = Lab(folder, server, callees, inside)
        try:
            lab.open(houses)
            with lab.own_proxy("edge", told=True) as lab._proxy:
                yield lab
        finally:
            lab.close()
