"""The payment simulator of a test organization: scripted, looked into, and made to send its messages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from talktime.actions import payments
from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.organizations import found
from talktime.actions.till import Till
from talktime.core.gateway import DisputeState, Event, EventKind, State, Told
from talktime.core.ids import org_name
from talktime.payments.simulator import (
    ATTEMPT,
    CHARGE,
    EVENT,
    HELD,
    OPEN,
    SCRIPT,
    SENT,
    USED,
    Script,
    Simulator,
    dispute_name,
)
from talktime.storage.database import Database, ReadTx
from talktime.storage.payment_store import REQUIRES_ACTION, Payment

# What kinds of messages it can be made to send.
STATES = {
    "payment_succeeded": State.SUCCEEDED,
    "charge_succeeded": State.SUCCEEDED,
    "payment_processing": State.PROCESSING,
    "payment_failed": State.DECLINED,
    "refund_succeeded": State.SUCCEEDED,
}


def must_be_test(tx: ReadTx, org_id: int) -> None:
    if found(tx, org_id).mode != "test":
        raise StateConflict("not_a_test_organization")


def script(simulator: Simulator, org_id: int, answers: Sequence[Struct], number: int) -> None:
    """What it does with the next charges, in this order; what was scripted before and not yet done is forgotten. Each
    answer has the fields of a `Script`."""
    with simulator.notebook.open(org_name(org_id)) as page:
        for name, state, _ in page.all(SCRIPT):
            if state == OPEN:
                page.change(SCRIPT, name, USED)
        for place, answer in enumerate(answers):
            kept = msgspec.convert(answer, Script, from_attributes=True)
            page.add(SCRIPT, f"{number:020d}-{place:06d}", OPEN, msgspec.to_builtins(kept))


def charges_and_attempts(simulator: Simulator, org_id: int) -> tuple[list[Any], list[Any]]:
    """What it has really taken, and every call that reached it."""
    with simulator.notebook.open(org_name(org_id)) as page:
        return [body for _, _, body in page.all(CHARGE)], [body for _, _, body in page.all(ATTEMPT)]


def deliver(simulator: Simulator, org_id: int, copies: int, shuffle: bool) -> int:
    """The messages that it has held back, so many times each."""
    with simulator.notebook.open(org_name(org_id)) as page:
        held = [(name, body) for name, state, body in page.all(EVENT) if state == HELD]
        letters = [body for _, body in held for _ in range(copies)]
        if shuffle:
            random.shuffle(letters)
        for body in letters:
            page.send(_signed(simulator, msgspec.convert(body, Event)))
        for name, _ in held:
            page.change(EVENT, name, SENT)
    return len(letters)


def _signed(simulator: Simulator, event: Event) -> Event:
    """As if it had come over the network."""
    body = msgspec.json.encode(event)
    return simulator.event(body, {"simulator-signature": simulator.sign(body)})


def dispute(database: Database, simulator: Simulator, org_id: int, top_up: str, result: DisputeState) -> None:
    payment = database.read(org_id, payments.found, org_id, top_up)
    told = _of(payment, State.SUCCEEDED)
    names = {"event_id": f"evt_{top_up}_dispute_{result}", "dispute_id": dispute_name(top_up)}
    event = Event(**names, kind=EventKind.DISPUTE, told=told, dispute=result)
    with simulator.notebook.open(org_name(org_id)) as page:
        page.send(_signed(simulator, event))


class Wanted(Struct, frozen=True):
    """A message with these values, whether they are true or not."""

    type: str
    top_up: str | None
    amount: int | None
    currency: str | None
    organization: str | None
    live: bool | None


def send(database: Database, simulator: Simulator, org_id: int, event_id: str, wanted: Wanted) -> None:
    """Correctly signed; what is not given is as it should be."""
    told = Told(
        state=STATES[wanted.type],
        amount=wanted.amount,
        currency=wanted.currency,
        organization=wanted.organization or org_name(org_id),
        payment=wanted.top_up,
        live=bool(wanted.live),
        at=None,
    )
    payment = database.read(org_id, _known, org_id, wanted.top_up)
    if payment is not None:
        amount = payment.amount_micros if wanted.amount is None else wanted.amount
        told = msgspec.structs.replace(told, amount=amount, currency=wanted.currency or payment.currency)
    kind = EventKind.REFUND if wanted.type == "refund_succeeded" else EventKind.PAYMENT
    with simulator.notebook.open(org_name(org_id)) as page:
        page.send(_signed(simulator, Event(event_id=event_id, kind=kind, told=told)))


def _known(tx: ReadTx, org_id: int, top_up: str | None) -> Payment | None:
    try:
        return payments.found(tx, org_id, top_up) if top_up else None
    except NotFound:
        return None


def authenticate(database: Database, till: Till, simulator: Simulator, org_id: int, top_up: str) -> None:
    """The card holder, who succeeds."""
    payment = database.read(org_id, payments.found, org_id, top_up)
    if payment.state != REQUIRES_ACTION:
        raise StateConflict("nothing_to_authenticate")
    simulator.authenticated(database.read(org_id, till.order_of, payment))


def _of(payment: Payment, state: State) -> Told:
    return Told(
        state=state,
        amount=payment.amount_micros,
        currency=payment.currency,
        organization=org_name(payment.org_id),
        payment=payment.payment_id,
        live=False,
    )
