"""One organization, one fault of the gateway, one way of its messages, one crash: what the product makes of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, select

from talktime.actions.inbox import receive
from talktime.actions.reconciler import Reconciler
from talktime.core.gateway import DisputeState, Event, EventKind, State
from talktime.core.time import DAY, MINUTE, NEVER
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.payment_store import Payment
from tests.gateway.bank import HOUR, Fault
from tests.gateway.fuse import Crash
from tests.gateway.house import House

T = TypeVar("T")
DRAINED_IN_DAYS = 2
ROUNDS_MAX = 200
DUE = """SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM inbox_work WHERE org_id = {0}
    UNION ALL SELECT min(due_at) FROM payments WHERE org_id = {0}
    UNION ALL SELECT min(due_at) FROM refunds WHERE org_id = {0}
    UNION ALL SELECT min(look_at) FROM recharges WHERE org_id = {0}) AS all_of_it"""
IN_FLIGHT = (
    "SELECT count(*) FROM payments WHERE org_id = {} AND kind = 'recharge' AND state IN ('pending', 'requires_action')"
)
MAILS = ("at once", "before the answer", "hours later", "never", "five times", "shuffled")


class Wrong(Exception):
    """The product did what it must not; the message says what."""


class Scenario(NamedTuple):
    flow: str
    fault: Fault
    mail: str = "at once"
    crash_at: int = 0
    """At which step it dies; 0: not at all."""

    def __str__(self) -> str:
        died = f", dies at step {self.crash_at}" if self.crash_at else ""
        return f"{self.flow}; gateway: {self.fault}; messages: {self.mail}{died}"


class Stage:
    def __init__(self, house: House, scenario: Scenario, org_id: int) -> None:
        self.house, self.scenario, self.org_id = house, scenario, org_id
        self.chance = Random(str(scenario))
        self.verdicts: tuple[DisputeState, ...] = ()
        """What a bank has to say of whatever is paid."""
        self.spent = 0
        self._mail: list[tuple[int, Event]] = []
        bank, fuse = house.bank, house.fuse
        bank.post, bank.aside = self._post, self._tell_aside
        fuse.look = self._look_on
        fuse.set(0)
        bank.begin(Fault.NONE)

    def begin(self) -> None:
        """From here on things go wrong."""
        self.house.bank.begin(self.scenario.fault)
        self.house.fuse.set(self.scenario.crash_at)

    # ---------------------------------------------------------------- what is done, and again after a crash

    def insist(self, deed: Callable[[], T]) -> T:
        while True:
            try:
                return deed()
            except Crash:
                self.house.start_again()

    def sweep(self) -> None:
        """What is due where the clock stands."""
        self.deliver()
        for _ in range(ROUNDS_MAX):
            if self._next() > self.house.clock.at or not self.insist(self._sweep):
                return
            self.deliver()
        raise Wrong("I19: it does not come to rest")

    def _sweep(self) -> int:
        return self.house.money.sweep()

    def live(self, time: int) -> None:
        """Whatever falls due in that time is done when it does."""
        clock = self.house.clock
        until = clock.at + time
        for _ in range(ROUNDS_MAX):
            self.sweep()
            at = min(self._next(), *[at for at, _ in self._mail], NEVER)
            if at > until:
                clock.at = max(clock.at, until)
                return
            # What is claimed by who has died is due, and not to be had for a minute.
            clock.at = at if at > clock.at else clock.at + MINUTE
        raise Wrong("I19: it does not come to rest")

    def _next(self) -> int:
        """When the product has to do something next."""
        at = self.house.app.database.read(self.org_id, lambda tx: tx.exec_driver_sql(DUE.format(self.org_id)).scalar())
        return NEVER if at is None else int(at)

    def drain(self) -> None:
        """Nothing fails any more, and everything has its time."""
        for _ in range(DRAINED_IN_DAYS):
            self.live(DAY)
        self.insist(lambda: Reconciler(self.house.database, self.house.money.till).run())
        self.live(HOUR)

    # ---------------------------------------------------------------- what the provider tells

    def _post(self, event: Event) -> None:
        now, bank = self.house.clock.at, self.house.bank
        verdicts = self.verdicts if event.told.state is State.SUCCEEDED else ()
        told = [event, *[_verdict(event, state) for state in verdicts]]
        if event.kind is EventKind.PAYMENT and event.told.order in bank.asked:
            # Who has said who he is hears of it at once.
            self._mail += [(now, one) for one in told]
            return
        match self.scenario.mail:
            case "at once":
                self._mail += [(now, one) for one in told]
            case "before the answer":
                for one in told:
                    self._tell_aside(one)
            case "hours later" | "never":
                # A bank's verdict comes sooner or later.
                self._mail += [(now + 3 * HOUR, one) for one in told if self.scenario.mail != "never" or one.dispute]
            case "five times":
                self._mail += [(now + copy * HOUR, one) for one in told for copy in range(5)]
            case "shuffled":
                self._mail += [(now + 6 * HOUR, one) for one in told * 2]
                self.chance.shuffle(self._mail)

    def deliver(self) -> None:
        while due := next((mail for mail in self._mail if mail[0] <= self.house.clock.at), None):
            # Until it was answered.
            self.insist(partial(self._receive, due[1]))
            self._mail.remove(due)

    def _receive(self, event: Event) -> None:
        house, body = self.house, msgspec.json.encode(event)
        signed = {"simulator-signature": house.bank.simulator.sign(body)}
        receive(house.database, house.money.till, house.bank.name, body, signed, house.clock())

    def _tell_aside(self, event: Event) -> None:
        """Another process hears of it and has worked it off before the answer is here."""
        house, body = self.house, msgspec.json.encode(event)
        signed = {"simulator-signature": house.bank.simulator.sign(body)}
        receive(house.app.database, house.aside.till, house.bank.name, body, signed, house.clock())
        house.aside._letters()

    # ---------------------------------------------------------------- looking on

    def payments(self) -> list[Payment]:
        return self.house.app.database.read(self.org_id, _payments, self.org_id)

    def _look_on(self, connection: Connection) -> None:
        flying = connection.exec_driver_sql(IN_FLIGHT.format(self.org_id)).scalar_one()
        if flying > 1:
            raise Wrong(f"I7: {flying} recharges in flight")


def _verdict(event: Event, state: DisputeState) -> Event:
    name = f"{event.event_id}_{state}"
    about = {"event_id": name, "dispute_id": f"du_{event.event_id}"}
    return msgspec.structs.replace(event, **about, kind=EventKind.DISPUTE, dispute=state)


def _payments(tx: ReadTx, org_id: int) -> list[Payment]:
    names = Payment.__struct_fields__
    found = select(*[t.payments.c[name] for name in names]).where(t.payments.c.org_id == org_id)
    return [Payment(**row._mapping) for row in tx.execute(found.order_by(t.payments.c.payment_id))]
