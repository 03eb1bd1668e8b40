"""The reference beside the engine: the same words for both, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from talktime.core import rates
from talktime.core.calls import (
    Answer,
    Call,
    Command,
    Conflicting,
    Ended,
    Extended,
    Granted,
    Key,
    Refused,
    Settled,
    Unknown,
)
from talktime.core.ledger import Posting
from talktime.core.lots import Part
from tests.simulation.on_paper import Rate
from tests.simulation.reference import Dict, Reference, Said, size
from tests.simulation.setting import USERS, LotPlan, OrgPlan


class Wrong(AssertionError):
    """What must never be."""


def expect(name: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Wrong(f"{name}: found {found!r}, wanted {wanted!r}")


# ---------------------------------------------------------------- the engine's words in the reference's


def said(answer: Answer) -> Said:
    match answer:
        case Granted():
            told = (answer.seconds, answer.final, answer.extend_after_seconds, answer.expires_at, answer.held)
            return "granted", *told, said_rate(answer.rate)
        case Refused():
            return "refused", answer.reason, said_rate(answer.rate)
        case Extended():
            return "extended", answer.seconds, answer.final, answer.extend_after_seconds, answer.expires_at
        case Ended():
            funds = answer.funds
            return "ended", *said_settled(answer.settled), funds.posted, funds.held, answer.conflict, answer.refused
        case Conflicting():
            return "conflict", answer.field
        case Unknown():
            return ("unknown",)
        case _:
            return (type(answer).__name__.lower(),)


def said_rate(rate: rates.Rate | None) -> Rate | None:
    if rate is None:
        return None
    fee, decimals = rate.connection_fee, rate.charge_decimals
    return Rate(rate.prefix, rate.per_minute, fee, rate.initial_seconds, rate.step_seconds, decimals)


def said_settled(settled: Settled) -> Said:
    rows = tuple((row.minutes, row.payer, row.charge) for row in settled.rows)
    return settled.charge, settled.shortfall, settled.billed_seconds, settled.connection_fee, rows


def said_call(call: Call | None) -> Dict | None:
    if call is None:
        return None
    return {
        "state": call.state.value,
        "opened": call.opened_at,
        "asked": call.asked,
        "answer": said(call.answer) if call.answer else None,
        "seconds": call.seconds,
        "final": call.final,
        "drawn": joined(call.drawn),
        "charged": joined(call.charged),
        "answered": call.answered_at,
        "due": call.due_at,
        "talked": call.talked_seconds,
        "settled": said_settled(call.settled) if call.settled else None,
    }


def told_call(call: Dict | None) -> Dict | None:
    """What of the reference's call the engine keeps as well."""
    if call is None:
        return None
    kept = ("state", "opened", "asked", "seconds", "final", "answered", "due", "talked", "settled")
    parts = {name: joined(call[name]) for name in ("drawn", "charged")}
    return {"answer": call.get("answer")} | {name: call[name] for name in kept} | parts


def joined(parts: Iterable[Part | tuple[str, int]]) -> list[tuple[str, int]]:
    """In their order; whether one lot gave once or twice running makes no difference."""
    found: list[tuple[str, int]] = []
    for lot_id, amount in parts:
        if found and found[-1][0] == lot_id:
            found[-1] = (lot_id, found[-1][1] + amount)
        else:
            found.append((lot_id, amount))
    return found


def summed(postings: Iterable[Posting | tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    books: Counter[tuple[str, str]] = Counter()
    for posting in postings:
        source, destination, amount = _fields(posting)
        books[source, destination] += amount
    return books


def _fields(posting: Posting | tuple[str, str, int]) -> tuple[str, str, int]:
    return (posting.source, posting.destination, posting.amount) if isinstance(posting, Posting) else posting


# ---------------------------------------------------------------- what happens to organizations besides calls


def add_org(reference: Reference, plan: OrgPlan) -> None:
    """Its lots come one by one, with `grant`."""
    reference.orgs[plan.org_id] = {
        "users": USERS,
        "price_list": plan.price_list or "default",
        "slice": plan.slice_seconds,
        "longest": plan.max_call_seconds,
        "grace": plan.grace_seconds,
        "clock": plan.clock_at,
        "closed": False,
        "set_up": False,
        "debt": 0,
        "posted": 0,
        "held": 0,
        "lots": {},
        "expired": {},
    }


def grant(reference: Reference, org_id: int, lot: LotPlan, now: int) -> None:
    """Debt is paid first. The lot carries what is left."""
    org = reference.orgs[org_id]
    reference.free(org, now)
    paid = min(org["debt"], lot.amount)
    order = (lot.priority, lot.expires_at, not lot.promotional, lot.purchased_at)
    org["lots"][lot.lot_id] = {"posted": lot.amount - paid, "held": 0, "ends": lot.expires_at, "order": order}
    org["posted"] += lot.amount
    org["debt"] -= paid
    org["set_up"] = True


def take(reference: Reference, org_id: int, amount: int, now: int) -> None:
    """What is not there is a debt."""
    org = reference.orgs[org_id]
    missing = amount - size(reference.charge(org, [], amount, now))
    org["posted"] -= missing
    org["debt"] += missing


# ---------------------------------------------------------------- a transaction that decided by what it had read


class Seen(Struct):
    """What a transaction read, as the reference had it then."""

    orgs: dict[int, Dict] = {}
    calls: dict[Key, Dict | None] = {}


MONEY = ("posted", "held")


class Mirror:
    """Does in the reference what a transaction did: decides by what was read, and adds that to what is now.

    Money that came after the reading is welcome and not counted; money that went must have been found by a constraint.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def see_accounts(self, seen: Seen, org_ids: Iterable[int]) -> None:
        orgs = self.reference.orgs
        seen.orgs = {org_id: dict(orgs[org_id]) for org_id in org_ids if org_id in orgs}

    def see_calls(self, seen: Seen, keys: Iterable[Key]) -> None:
        calls = self.reference.calls
        seen.calls = {key: dict(calls[key]) if key in calls else None for key in keys}

    def see_lots(self, seen: Seen) -> None:
        for org_id, org in seen.orgs.items():
            now = self.reference.orgs[org_id]
            org["lots"] = {lot_id: dict(lot) for lot_id, lot in now["lots"].items()}
            org["expired"] = dict(now["expired"])

    def run(self, commands: Sequence[Command], seen: Seen) -> list[Said]:
        reference = self.reference
        now_orgs = {org_id: reference.orgs[org_id] for org_id in seen.orgs}
        now_calls = {key: reference.calls.get(key) for key in seen.calls}
        reference.orgs.update({org_id: _copied(org) for org_id, org in seen.orgs.items()})
        self._put_calls({key: dict(call) if call else None for key, call in seen.calls.items()})
        answers = [reference.do(command) for command in commands]
        for org_id, now in now_orgs.items():
            _add(now, seen.orgs[org_id], reference.orgs[org_id])
            reference.orgs[org_id] = now
        self._keep_calls(seen, now_calls)
        return answers

    def _put_calls(self, calls: dict[Key, Dict | None]) -> None:
        for key, call in calls.items():
            if call is None:
                self.reference.calls.pop(key, None)
            else:
                self.reference.calls[key] = call

    def _keep_calls(self, seen: Seen, now_calls: dict[Key, Dict | None]) -> None:
        for key, read in seen.calls.items():
            if self.reference.calls.get(key) == read:
                self._put_calls({key: now_calls[key]})
            elif now_calls[key] != read:
                raise Wrong(f"{key} was changed by two transactions, and one of them had not seen the other")


def _copied(org: Dict) -> Dict:
    return org | {"lots": {lot_id: dict(lot) for lot_id, lot in org["lots"].items()}, "expired": dict(org["expired"])}


def _add(now: Dict, before: Dict, after: Dict) -> None:
    """By how much the organization moved."""
    for counter in MONEY:
        now[counter] += after[counter] - before[counter]
    for lot_id, lot in after["lots"].items():
        for counter in MONEY:
            now["lots"][lot_id][counter] += lot[counter] - before["lots"][lot_id][counter]
    for lot_id, gone in after["expired"].items():
        now["expired"][lot_id] = now["expired"].get(lot_id, 0) + gone - before["expired"].get(lot_id, 0)


def amounts(org: Dict) -> dict[str, Any]:
    lots = {lot_id: (lot["posted"], lot["held"]) for lot_id, lot in org["lots"].items()}
    return {"posted": org["posted"], "held": org["held"], "debt": org["debt"], "lots": lots}
