"""Organizations as scenarios find them: made once by the product's own actions, then copied row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Table, insert, literal, select

from talktime.actions import agreements, methods, organizations, recharges
from talktime.actions.funds import Grant, grant
from talktime.actions.recharges import Asker
from talktime.actions.tender import Terms
from talktime.core.limits import Limits
from talktime.core.policies import DEFAULT_POLICY
from talktime.core.time import DAY
from talktime.storage import control_store
from talktime.storage import tables as t
from talktime.storage.agreement_store import Agreement
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from tests.gateway.bank import Fault
from tests.gateway.house import House

UNIT = 1_000_000
AMOUNT, TRIGGER, MONTHLY = 120 * UNIT, 60 * UNIT, 240 * UNIT
FULL, LOW = 100 * UNIT, 30 * UNIT
FIRST_CARD, SECOND_CARD = "pm_1", "pm_2"
NUMBERS = {FIRST_CARD: "4242424242424242", SECOND_CARD: "5555555555554444"}
AGREEMENT = "EA-17"
KNOWS = Asker("192.0.2.1", True)
ON: Mapping[str, Any] = {"enabled": True, "amount": AMOUNT, "trigger": TRIGGER}
MADE: Mapping[str, Any] = {
    "name": "Example Ltd",
    "country": "US",
    "currency": "USD",
    "time_zone": "UTC",
    "language": "en",
    "mode": "test",
    "billing_account": "prepaid",
    "policy": DEFAULT_POLICY.value,
    "price_list": None,
}


class Templates:
    def __init__(self, house: House) -> None:
        self._house = house
        with_backup = {"backup_method_id": SECOND_CARD}
        made: dict[str, Callable[[], int]] = {
            "card": lambda: self._org(0),
            "no card": lambda: self._org(0, cards=()),
            "on": lambda: self._set(self._org(FULL), ON),
            "on with backup": lambda: self._set(self._org(FULL), {**ON, **with_backup}),
            "on with limit": lambda: self._set(self._org(FULL), {**ON, "monthly_limit": MONTHLY}),
            "off and low": lambda: self._org(LOW),
            "paused": self._paused,
        }
        self._made = {name: self._with_tables(make()) for name, make in made.items()}

    def copy(self, name: str) -> int:
        org_id, tables = self._made[name]
        return self._house.app.database.write(EVERYBODY, _copied, org_id, tables)

    def _org(self, given: int, cards: tuple[str, ...] = (FIRST_CARD, SECOND_CARD)) -> int:
        house, write = self._house, self._house.app.database.write
        org_id = write(EVERYBODY, _made, house)
        for card in cards:
            write(org_id, methods.add_trial_card, org_id, card, NUMBERS[card], house.actor)
        if given:
            write(org_id, grant, org_id, Grant("given", given, house.clock() + 40_000 * DAY, 0), house.actor)
        write(org_id, agreements.add, Agreement(org_id, "agr_1", AGREEMENT, house.clock()), house.actor)
        return org_id

    def _set(self, org_id: int, values: Mapping[str, Any]) -> int:
        house = self._house
        house.app.database.write(org_id, recharges.save, org_id, values, Terms(), KNOWS, house.actor)
        return org_id

    def _paused(self) -> int:
        self._house.bank.begin(Fault.ALL_HARD)
        org_id = self._set(self._org(LOW), ON)
        while self._house.aside.sweep():
            pass
        return org_id

    def _with_tables(self, org_id: int) -> tuple[int, list[Table]]:
        return org_id, self._house.app.database.read(org_id, _filled, org_id)


def _made(tx: Tx, house: House) -> int:
    return organizations.create(tx, MADE, Limits(), house.actor).org_id


def _filled(tx: ReadTx, org_id: int) -> list[Table]:
    tables = t.of_kind("organization")
    return [one for one in tables if tx.execute(select(one.c.org_id).where(one.c.org_id == org_id).limit(1)).first()]


def _copied(tx: Tx, org_id: int, tables: list[Table]) -> int:
    made = control_store.bump(tx, "next_org")
    for table in tables:
        others = [column for column in table.c if column.name != "org_id"]
        rows = select(literal(made), *others).where(table.c.org_id == org_id)
        tx.execute(insert(table).from_select(["org_id", *[one.name for one in others]], rows))
    return made
