"""A batch with something of everything, and what it must come to, whatever goes wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from talktime.actions import funds
from talktime.actions.audit import Actor
from talktime.core.calls import Answer, Command, Granted
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from talktime.storage.errors import StoreError, StoreUnavailable
from tests.core.switch import NOW, YEAR
from tests.storage.shop import Phone, Shop

ORGS = (1, 2, 3)


def before(shop: Shop, org_ids: Sequence[int] = ORGS) -> None:
    """Some calls are in progress."""
    shop.open(*org_ids)
    phones = [Phone(shop.engine, org_id) for org_id in org_ids]
    shop.engine.run([phone.authorization(call_id) for phone in phones for call_id in ("open", "longer", "over")])


def work(shop: Shop, org_ids: Sequence[int] = ORGS) -> list[Command]:
    """One batch with something of everything, the same for each organization."""
    made: list[Command] = []
    for org_id in org_ids:
        phone = Phone(shop.engine, org_id)
        phone.later(30)
        made += [
            phone.authorization("new"),
            phone.authorization("dear", to="+33199001234"),
            phone.authorization("nowhere", to="+9991234567"),
            phone.extension("longer", 300),
            phone.settlement("open", 61),
            phone.settlement("unheard", 5),
        ]
    return made


Effect = dict[str, list[Any]]


def effect(shop: Shop, org_id: int) -> Effect:
    """All that a batch changes of an organization, but for when a call was last heard of."""
    queries = {
        "accounts": "SELECT posted_micros, held_micros, last_entry_no FROM accounts",
        "lots": "SELECT lot_id, posted_micros, held_micros, state FROM lots",
        "calls": "SELECT call_id, state, held_micros, charge_micros FROM calls",
        "entries": "SELECT entry_no, entry_key, amount_micros, balance_after, postings FROM entries",
    }

    def rows(tx: ReadTx, query: str) -> list[Any]:
        return [tuple(row) for row in tx.execute(text(f"{query} WHERE org_id = {org_id} ORDER BY 1"))]

    return {name: shop.database.read(EVERYBODY, rows, query) for name, query in queries.items()}


class Wanted(NamedTuple):
    """Of one organization, where nothing goes wrong."""

    early: Effect
    late: Effect
    answers: list[str]


def said(answers: Sequence[Answer]) -> list[str]:
    """Usage rows have ids of their own."""
    return [re.sub(r"usage_id='[^']*'", "", repr(answer)) for answer in answers]


def done(shop: Shop, wanted: Wanted, org_ids: Sequence[int] = ORGS) -> bool | None:
    """Whether the work was done; None when it was done by halves."""
    found = [effect(shop, org_id) for org_id in org_ids]
    return True if found == [wanted.late] * len(found) else False if found == [wanted.early] * len(found) else None


def wrong(shop: Shop, wanted: Wanted, org_ids: Sequence[int] = ORGS) -> list[str]:
    """After whatever happened: what is there by halves; what asking again, twice, does not put right; what does not
    add up."""
    return wrong_at_once(shop, wanted, org_ids) + shop.problems()


def wrong_at_once(shop: Shop, wanted: Wanted, org_ids: Sequence[int] = ORGS) -> list[str]:
    """Without the long look through the books."""
    found = ["it is done by halves"] if done(shop, wanted, org_ids) is None else []
    for time_asked in ("asked again", "asked once more"):
        try:
            told = said(shop.engine.run(work(shop, org_ids)))
        except StoreError as error:
            return [*found, f"{time_asked}: {error}"]
        if told != wanted.answers * len(org_ids):
            found.append(f"{time_asked}: other answers")
        if not done(shop, wanted, org_ids):
            found.append(f"{time_asked}: another effect")
    return found


def asked(shop: Shop, org_ids: Sequence[int] = ORGS) -> list[Answer]:
    """No answer when the store says that it is not available."""
    try:
        return shop.engine.run(work(shop, org_ids))
    except StoreUnavailable:
        return []


def granted(answers: Sequence[Answer]) -> bool:
    return any(isinstance(answer, Granted) for answer in answers)


def larger(tx: Tx) -> None:
    """Enough to need a page more."""
    actor = Actor("key_" + "x" * 5000, NOW)
    for number in range(5):
        funds.grant(tx, 1, funds.Grant(f"9{number:04}", 10_000, NOW + YEAR, 100), actor)
