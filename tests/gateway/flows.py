"""What somebody wants of the product, and goes on wanting when it dies over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from talktime.actions import methods, payments, recharges, refunds
from talktime.actions.funds import adjust
from talktime.actions.payments import TopUp
from talktime.actions.tender import Terms
from talktime.core.gateway import DisputeState
from talktime.core.ids import org_name, uuid7_of
from talktime.core.recharges import State
from talktime.storage import adjustment_store, method_store, payment_store, recharge_store, refund_store
from talktime.storage.adjustment_store import Adjustment
from talktime.storage.payment_store import PENDING, RECHARGE, REQUIRES_ACTION, SUCCEEDED, TOP_UP
from tests.gateway.bank import HOUR, LIES, Fault
from tests.gateway.stage import MAILS, Stage, Wrong
from tests.gateway.templates import AGREEMENT, AMOUNT, FIRST_CARD, KNOWS, NUMBERS, ON, UNIT

EVERY = tuple(Fault)
NOT_OF_REFUNDS = (Fault.PROCESSING, Fault.EARLIER, Fault.AFTER_ALL)
OF_A_REFUND = tuple(fault for fault in Fault if fault not in LIES and fault not in NOT_OF_REFUNDS)
AT_ITS_TIME = tuple(fault for fault in Fault if fault is not Fault.AFTER_ALL)
"""What is taken after all asks no brake."""
AT_ONCE = MAILS[:1]
PAID = (Fault.NONE, Fault.LOST_AFTER, Fault.ERROR_AFTER, Fault.DUPLICATE, Fault.PROCESSING, Fault.AUTHENTICATED)


class Flow(NamedTuple):
    template: str
    act: Callable[[Stage], None]
    faults: tuple[Fault, ...] = EVERY
    mails: tuple[str, ...] = MAILS


# ---------------------------------------------------------------- deeds, each done once however often it is tried


def pay(stage: Stage, agreement: str | None = None) -> str:
    org_id, clock = stage.org_id, stage.house.clock
    payment_id = f"pay_{uuid7_of(clock(), f'{org_id}')}"
    asked = TopUp(payment_id, AMOUNT, None, agreement, None)

    def deed() -> None:
        database = stage.house.database
        if database.read(org_id, payment_store.find, org_id, payment_id) is None:
            database.write(org_id, payments.begin, org_id, asked, Terms(), stage.house.actor)
        stage.house.money.till.decide(org_id, payment_id)

    stage.insist(deed)
    return payment_id


def spend(stage: Stage, amount: int) -> None:
    stage.spent += amount
    made = Adjustment(f"adj_{stage.spent}", -amount, "Example", "booked", "test", None, stage.house.clock())

    def deed() -> None:
        database, org_id = stage.house.database, stage.org_id
        if database.read(org_id, adjustment_store.find, org_id, made.adjustment_id) is None:
            database.write(org_id, adjust, org_id, made, 10**12, stage.house.actor)

    stage.insist(deed)
    stage.sweep()


def authenticate(stage: Stage) -> None:
    """The card holder, when he is asked, and if he comes."""
    bank, aside = stage.house.bank, stage.house.aside
    does = {Fault.AUTHENTICATED: bank.simulator.authenticated, Fault.REFUSED: bank.simulator.not_authenticated}
    answer = does.get(stage.scenario.fault)
    for payment in stage.payments():
        if answer and payment.state == REQUIRES_ACTION:
            answer(stage.house.app.database.read(stage.org_id, aside.till.order_of, payment))


# ---------------------------------------------------------------- flows


def top_up(stage: Stage) -> None:
    stage.begin()
    pay(stage)


def recharge(stage: Stage) -> None:
    stage.begin()
    spend(stage, 50 * UNIT)


def save(stage: Stage) -> None:
    """The settings, while the balance is below them."""
    stage.begin()

    def deed() -> None:
        database, org_id = stage.house.database, stage.org_id
        if not database.read(org_id, recharge_store.find, org_id).enabled:
            database.write(org_id, recharges.save, org_id, ON, Terms(), KNOWS, stage.house.actor)

    stage.insist(deed)
    stage.sweep()


def retry(stage: Stage) -> None:
    stage.begin()
    before = len(stage.payments())

    def deed() -> None:
        house, org_id = stage.house, stage.org_id
        setting = house.database.read(org_id, recharge_store.find, org_id)
        if setting.state is State.PAUSED and len(stage.payments()) == before:
            house.database.write(org_id, recharges.retry, org_id, house.actor)

    stage.insist(deed)
    stage.sweep()


def refund(stage: Stage) -> None:
    payment_id = pay(stage)
    stage.begin()

    def deed() -> None:
        house, org_id, refund_id = stage.house, stage.org_id, "ref_1"
        if house.database.read(org_id, refund_store.find, org_id, refund_id) is None:
            begin = (house.money.till.terms, org_id, refund_id, payment_id, 70 * UNIT, house.actor)
            house.database.write(org_id, refunds.begin, *begin)
        house.money.till.refund(org_id, refund_id)

    stage.insist(deed)


def forgotten_refund(stage: Stage) -> None:
    """Given back before a backup was restored that knows nothing of it."""
    payment_id, house, org_id = pay(stage), stage.house, stage.org_id
    stage.begin()
    payment = house.app.database.read(org_id, payment_store.find, org_id, payment_id)
    assert payment
    order = house.app.database.read(org_id, house.aside.till.order_of, payment)
    house.bank.simulator.refund(order, payment.reference or "", "ref_1", 70 * UNIT)


def disputed(*verdicts: DisputeState) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        stage.verdicts = verdicts
        stage.begin()
        pay(stage)
        spend(stage, 20 * UNIT)

    return act


def invoice(stage: Stage) -> None:
    stage.begin()
    payment_id = pay(stage, AGREEMENT)

    def deed() -> None:
        terms = stage.house.money.till.terms
        stage.house.database.write(stage.org_id, payments.confirm, terms, stage.org_id, payment_id, stage.house.actor)

    stage.insist(deed)


def add_card(stage: Stage) -> None:
    stage.begin()
    house, org_id = stage.house, stage.org_id

    def deed() -> None:
        waiting = house.database.read(org_id, method_store.find, org_id, "pm_new")
        if waiting is None:
            methods.begin(house.database, house.money.till, house.app.links, Terms(), org_id, "pm_new", house.actor)

    stage.insist(deed)
    method = house.app.database.read(org_id, method_store.find, org_id, "pm_new")
    assert method
    house.bank.simulator.enter_card(org_name(org_id), method.names["page"], NUMBERS[FIRST_CARD])


def spend_on(stage: Stage) -> None:
    """As fast as it comes."""
    stage.begin()
    for amount in (50, 110, 300, 110):
        spend(stage, amount * UNIT)
        stage.live(HOUR)
        authenticate(stage)


def behind_a_top_up(stage: Stage) -> None:
    """The balance falls while a top-up is on its way."""
    stage.begin()
    pay(stage)
    spend(stage, 50 * UNIT)
    if {payment.kind: payment.state for payment in stage.payments()} == {TOP_UP: PENDING, RECHARGE: SUCCEEDED}:
        raise Wrong("a recharge begins while a top-up is pending")
    stage.live(HOUR)
    held_up = RECHARGE not in {payment.kind for payment in stage.payments()}
    if stage.scenario.fault is Fault.LOST_THEN_ASKED and held_up:
        raise Wrong("I19: a top-up that waits for its holder holds up a recharge")


OPENED, WON, LOST = DisputeState.OPENED, DisputeState.WON, DisputeState.LOST
FLOWS = {
    "top-up": Flow("card", top_up),
    "recharge": Flow("on", recharge),
    "recharge with a backup": Flow("on with backup", recharge),
    "settings saved while below": Flow("off and low", save),
    "retry after a pause": Flow("paused", retry),
    "recharges up to the brakes": Flow("on", spend_on, AT_ITS_TIME, AT_ONCE),
    "recharges up to the monthly limit": Flow("on with limit", spend_on, AT_ITS_TIME, AT_ONCE),
    "recharge behind a top-up": Flow("on", behind_a_top_up),
    "refund": Flow("card", refund, OF_A_REFUND),
    "refund that was forgotten": Flow("card", forgotten_refund, (Fault.NONE,), AT_ONCE),
    "dispute opened": Flow("card", disputed(OPENED), PAID),
    "dispute won": Flow("card", disputed(OPENED, WON), PAID),
    "dispute lost": Flow("card", disputed(OPENED, LOST), PAID),
    "invoice": Flow("card", invoice, (Fault.NONE,), AT_ONCE),
    "card added": Flow("no card", add_card, (Fault.NONE,), AT_ONCE),
}
