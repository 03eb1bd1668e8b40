"""A company that has used everything once: a row in every table there is."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace
from sqlalchemy import insert

from talktime.actions import (
    agreements,
    alerts,
    blocking,
    credentials,
    exports,
    funds,
    idempotency,
    keys,
    knowledge,
    members,
    notices,
    numbers,
    organizations,
    payments,
    people,
    prices,
    receipts,
    recharges,
    refunds,
    sessions,
    switches,
    tickets,
    webhooks,
)
from talktime.actions.audit import Actor
from talktime.actions.payments import TopUp
from talktime.actions.recharges import Asker
from talktime.actions.seal import seal_all
from talktime.actions.sessions import Visitor
from talktime.actions.tender import Terms
from talktime.actions.webhooks import Wanted
from talktime.charging.engine import Engine, Shelf
from talktime.charging.switches import Heartbeat, hear
from talktime.core.gateway import State, Told
from talktime.core.licence_terms import Ability, Licence
from talktime.core.limits import Limits
from talktime.core.money import micros
from talktime.core.number_rows import read_number_rows
from talktime.core.prices import Row
from talktime.core.receipts import BillingDetails, Paid, Party, ReceiptKind
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.sign_in_rules import SignInRules
from talktime.core.time import DAY
from talktime.notifications.hooks import Hooks
from talktime.storage import inbox_store, method_store, price_store, rule_store, sign_in_store
from talktime.storage import tables as t
from talktime.storage.adjustment_store import BOOKED, Adjustment, Reversal
from talktime.storage.agreement_store import Agreement
from talktime.storage.alert_store import Alerts
from talktime.storage.database import Database, Tx
from talktime.storage.idempotency_store import Kept
from talktime.storage.inbox_store import Letter
from talktime.storage.member_store import INVITED, MemberRow
from talktime.storage.method_store import Method
from talktime.storage.number_store import ServiceNumber
from talktime.storage.store import Store
from talktime.storage.user_store import UserRow
from talktime.storage.vault import KEY_BYTES, Vault
from tests.core.switch import NOW, PAY_AS_YOU_GO, ROWS, YEAR
from tests.storage.shop import Phone

BOSS, OTHER = Actor("key_boss", NOW), Actor("key_other", NOW)
PASSWORD = "four words are easily kept"
VALUES: dict[str, Any] = {
    "name": "Contoso",
    "country": "GB",
    "currency": "USD",
    "time_zone": "Europe/London",
    "language": "en",
    "mode": "live",
    "billing_account": "prepaid",
    "policy": "DialoutCPCandPSTNInternational",
    "price_list": None,
}
ANN = UserRow("usr_ann", "Ann", "ann", "GB", "+442079460100", "person", "en", json.dumps(PAY_AS_YOU_GO), NOW)
BEA = UserRow("usr_bea", "Bea", "bea", "GB", "+442079460101", "person", "en", "[]", NOW)
LEN = UserRow("usr_len", "Len", "len", "US", None, "person", "en", "[]", NOW)
PLAN = Licence(code="HOUSE1", name="House plan", ability=Ability.CALLING, order=9)


def found_company(database: Database, store: Store) -> int:
    """Its number."""
    database.write(OPERATOR_ORG, _prices)
    knowledge.replace_licences(database, [PLAN], BOSS)
    database.write(
        OPERATOR_ORG, knowledge.replace_numbers, read_number_rows([{"prefix": "371", "high_risk": "yes"}]), BOSS
    )
    # Organizations are numbered from one; the first cannot be seen before it is made.
    org_id: int = database.write((1,), organizations.create, VALUES, Limits(), BOSS).org_id
    database.write(org_id, _people, org_id)
    database.write(org_id, funds.grant, org_id, funds.Grant("1", micros("10"), NOW + YEAR, 100), BOSS)
    database.write(org_id, funds.grant, org_id, funds.Grant("2", micros("1"), NOW + DAY, 50), BOSS)
    engine = Engine(store, Shelf(lambda: database.read((), price_store.published, {})))
    _calls(Phone(engine, org_id))
    hear(database, engine.run, Heartbeat(org_id, "edge", "boot1", ["c4", "p2"], NOW, "key_1", "sw_1"))
    hear(database, engine.run, Heartbeat(OPERATOR_ORG, "sbc", "boot2", None, NOW, "key_1", "sw_2"))
    database.write(org_id, _corrections, org_id)
    database.write(org_id, _documents, org_id)
    pay(database, org_id)
    sign_in(database, org_id)
    export = exports.Export(NOW - DAY, NOW, "csv", own_carrier=False)
    database.write(org_id, exports.begin, org_id, "job_1", export, None, BOSS)
    seal_all(database, lambda: NOW + DAY)
    return org_id


def _prices(tx: Tx) -> None:
    prices.create(tx, "pl_standard", prices.draft_of(ROWS, "Standard", "USD", 4, None), BOSS)
    prices.publish(tx, "pl_standard", None, BOSS)
    prices.change(tx, "pl_standard", None, True, BOSS)
    more = [*ROWS, Row("81", "Japan", 5)]
    prices.draft_version(tx, "pl_standard", prices.draft_of(more, None, None, None, None), BOSS)
    keys.issue(tx, OPERATOR_ORG, "live", [Scope.OPERATOR], BOSS, (), None)


def _people(tx: Tx, org_id: int) -> None:
    people.create(tx, org_id, ANN, BOSS)
    people.own(tx, org_id, {"ENTERPRISEPREMIUM": 10, "MCOPSTN5": 1}, BOSS)
    people.assign(tx, org_id, "usr_ann", [*PAY_AS_YOU_GO, "ENTERPRISEPREMIUM"], BOSS)
    people.create(tx, org_id, BEA, BOSS)
    people.assign(tx, org_id, "usr_bea", ["MCOPSTN5"], BOSS)
    people.create(tx, org_id, LEN, BOSS)
    people.remove(tx, org_id, "usr_len", BOSS)
    blocking.block(tx, org_id, "usr_ann", "Example", BOSS)
    blocking.unblock(tx, org_id, "usr_ann", BOSS)
    numbers.create(tx, org_id, ServiceNumber("num_1", "+442079460120", "toll", "queue", NOW), BOSS)
    made = keys.issue(tx, org_id, "live", [Scope.CALLS], BOSS, ["192.0.2.0/24"], NOW + YEAR)
    keys.withdraw(tx, org_id, made.key_id, BOSS)
    secret = {"cut_url": "https://edge.contoso.example/cut", "cut_token": "secret"}
    switches.add_switch(tx, Vault(bytes(KEY_BYTES)), org_id, "edge", "sw_1", secret, BOSS)
    roles = ("global_administrator",)
    members.invite(tx, org_id, MemberRow("mem_1", "Ada", "ada@example.com", roles, "en", INVITED, NOW), BOSS)


def sign_in(database: Database, org_id: int) -> None:
    """Ada has a password and is signed in; Bob was invited and has not answered."""
    credentials.set_password(database, org_id, "mem_1", PASSWORD, BOSS)
    database.write(org_id, sessions.open_session, org_id, "mem_1", Visitor("192.0.2.1", "Example"), NOW, True)
    database.write((), sign_in_store.count, "name:example", NOW, NOW - DAY)
    database.write(org_id, _sign_in, org_id)


def _sign_in(tx: Tx, org_id: int) -> None:
    roles = ("helpdesk",)
    members.invite(tx, org_id, MemberRow("mem_2", "Bob", "bob@example.com", roles, "lv", INVITED, NOW), BOSS)
    tickets.issue(tx, org_id, tickets.Kind.INVITATION, "mem_2", NOW)
    rule_store.save(tx, org_id, SignInRules(password_length=14))
    tx.execute(insert(t.hang_ups), {"org_id": org_id, "call_id": "c4", "asked_at": NOW, "asked_by": "mem_1"})


def _calls(phone: Phone) -> None:
    phone.authorize("c1")
    phone.settle("c1", 61)
    phone.authorize("c2")
    phone.release("c2", "486")
    phone.authorize("c3", to="+9991234567")
    phone.authorize("c4", to="+33199001234")
    phone.answered("c4")
    phone.record("c5", 120)
    # A plan of 120 minutes: most of them are used, some are held.
    phone.authorize("p1", user="bea")
    phone.settle("p1", 100 * 60)
    phone.authorize("p2", user="bea")
    phone.answered("p2")


def _corrections(tx: Tx, org_id: int) -> None:
    adjustment = Adjustment("adj_7", micros("-0.5"), "booked wrongly", BOOKED, BOSS.by, None, NOW)
    funds.adjust(tx, org_id, adjustment, micros("1"), BOSS)
    big = Adjustment("adj_8", micros("2"), "a gift", BOOKED, BOSS.by, None, NOW)
    funds.adjust(tx, org_id, big, micros("1"), BOSS)
    funds.confirm(tx, org_id, "adj_8", OTHER)
    funds.reverse(tx, org_id, Reversal("c1", "rev_9", micros("0.05"), "a bad line", BOSS.by, NOW), BOSS)
    kept = Kept(idempotency.digest("grant", b"{}"), 201, "{}")
    idempotency.remember(tx, org_id, "/v1/grants", "again", kept, NOW, forever=True)


def _documents(tx: Tx, org_id: int) -> None:
    """A receipt, and a credit note for a part of it."""
    receipts.set_details(tx, org_id, BillingDetails("Example Ltd", ("1 Example Street",), None, 2000), BOSS)
    org = organizations.locked(tx, org_id)
    for kind, amount in ((ReceiptKind.RECEIPT, "50"), (ReceiptKind.CREDIT_NOTE, "10.5")):
        paid = Paid(payment_id="pay_1", kind=kind, amount=micros(amount), currency="USD", at=NOW)
        receipts.issue(tx, org, Party("Example Telephony"), paid)


CARD = Method(
    org_id=0,
    method_id="pm_1",
    provider="simulator",
    state="active",
    brand="Visa",
    last4="4242",
    expires="2035-01",
    reference='{"payment_method":"visa"}',
    is_default=True,
    created_at=NOW,
)
TERMS = Terms("simulator")


def pay(database: Database, org_id: int) -> None:
    """Funds come and go: by a card, by invoice, by themselves."""
    database.write(org_id, _ways_to_pay, org_id)
    for payment_id, amount, state in (("pay_a", "60", State.SUCCEEDED), ("pay_b", "70", State.DECLINED)):
        database.write(org_id, _pay, org_id, TopUp(payment_id, micros(amount), None, None, None), state)
    database.write(org_id, payments.begin, org_id, TopUp("pay_c", micros("80"), None, "EA-17", "PO-1"), TERMS, BOSS)
    database.write(org_id, payments.confirm, TERMS, org_id, "pay_c", OTHER)
    database.write(org_id, _recharge, org_id)
    database.write(org_id, _give_back, org_id)
    database.write(org_id, _hear, org_id)
    wanted = Wanted("https://hooks.example.com/talktime", ("funds_added", "balance_low"))
    database.write(org_id, webhooks.add_webhook, Vault(bytes(KEY_BYTES)), Hooks(), org_id, "wh_1", wanted, BOSS)
    notices.tell_everything(database, org_id, NOW)


def _ways_to_pay(tx: Tx, org_id: int) -> None:
    method_store.add(tx, replace(CARD, org_id=org_id))
    agreements.add(tx, Agreement(org_id, "agr_1", "EA-17", NOW), BOSS)
    alerts.save(tx, org_id, Alerts(balance_low=(micros("5"),), recipients=("billing@example.com",)), BOSS)


def _pay(tx: Tx, org_id: int, asked: TopUp, state: State) -> None:
    payment = payments.begin(tx, org_id, asked, TERMS, BOSS)
    told = Told(state=state, reference=f"ref_{asked.payment_id}", at=NOW, code="lost_card")
    payments.book(tx, TERMS, organizations.locked(tx, org_id), payment, told, NOW)


def _recharge(tx: Tx, org_id: int) -> None:
    values = {"enabled": True, "amount": micros("300"), "trigger": micros("250")}
    recharges.save(tx, org_id, values, TERMS, Asker("192.0.2.1", knows=True), BOSS)


def _give_back(tx: Tx, org_id: int) -> None:
    refunds.begin(tx, TERMS, org_id, "ref_1", "pay_a", micros("1"), BOSS)
    refunds.book(tx, TERMS, organizations.locked(tx, org_id), "ref_1", Told(state=State.SUCCEEDED, reference="r"), NOW)


def _hear(tx: Tx, org_id: int) -> None:
    inbox_store.add(tx, Letter(org_id, "evt_1", "simulator", "{}", NOW), NOW)
    payments.open_item(tx, org_id, "pay_9", "unknown_payment", Told(state=State.SUCCEEDED), NOW)
    page = {"org_id": org_id, "record_id": "sim_1", "kind": "charge", "name": "1", "state": "used"}
    tx.execute(insert(t.simulator), page | {"body": "{}", "at": NOW})
