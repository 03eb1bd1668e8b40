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
from talktime.core.policies import DEFAULT_POLICY
from tests.simulation import rules
from tests.simulation.on_paper import Rate
from tests.simulation.reference import NOT_SIZED, Dict, Reference, Said, size
from tests.simulation.setting import FREEPHONE, LotPlan, OrgPlan, PersonPlan


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
            paid = (answer.payer.value, answer.pool, answer.minutes, answer.capability, answer.emergency)
            return "granted", *told, said_rate(answer.rate), *paid
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
    rows = tuple((row.capability, row.payer, row.minutes, row.charge) for row in settled.rows)
    told = (settled.charge, settled.shortfall, settled.billed_seconds, settled.connection_fee)
    return *told, rows, settled.pool_minutes


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
        "minutes": call.minutes,
        "over": call.over,
        "counted": call.caller,
        "pool": call.terms.pool if call.terms else "",
        "month": call.terms.month if call.terms else "",
        "payer": call.terms.payer.value if call.terms else None,
    }


def told_call(call: Dict | None) -> Dict | None:
    """What of the reference's call the engine keeps as well."""
    if call is None:
        return None
    kept = ("state", "opened", "asked", "seconds", "final", "answered", "due", "talked", "settled")
    of_pools = ("minutes", "over", "counted", "pool", "month", "payer")
    parts = {name: joined(call[name]) for name in ("drawn", "charged")}
    return {"answer": call.get("answer")} | {name: call[name] for name in (*kept, *of_pools)} | parts


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
    """Its lots come one by one, with `grant`, and its pools with `resize`."""
    reference.orgs[plan.org_id] = {
        "price_list": plan.price_list or "default",
        "slice": plan.slice_seconds,
        "longest": plan.max_call_seconds,
        "grace": plan.grace_seconds,
        "clock": plan.clock_at,
        "zone": plan.time_zone,
        "country": plan.country,
        "policy": DEFAULT_POLICY.value,
        "postpaid": plan.postpaid,
        "guard": plan.guard,
        "toll_free": {FREEPHONE},
        "people": {f"usr_{name}": _person(name, person) for name, person in plan.people.items()},
        "again": {},
        "pools": {},
        "minutes": Counter(),
        "tallies": {},
        "blocks": 0,
        "closed": False,
        "set_up": False,
        "debt": 0,
        "posted": 0,
        "held": 0,
        "lots": {},
        "expired": {},
    }


def _person(name: str, plan: PersonPlan) -> Dict:
    return {"id": f"usr_{name}", "home": plan.home, "codes": plan.codes, "policy": None, "blocked": False}


def change_person(reference: Reference, org_id: int, user_id: str, **fields: Any) -> None:
    people = reference.orgs[org_id]["people"]
    people[user_id] = people[user_id] | fields


def resize(reference: Reference, org_id: int, pool: str, size: tuple[int, int], now: int) -> None:
    """More acts at once, less from the next month."""
    org = reference.orgs[org_id]
    month, old = rules.month_of(org, now), org["pools"].get(pool, NOT_SIZED)
    began = old["most"] if old["month"] == month else old["size"]
    most = max(began[0], size[0]), max(began[1], size[1])
    org["pools"][pool] = {"size": size, "most": most, "month": month}


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
    people: dict[int, Dict] = {}


MONEY = ("posted", "held")


class Mirror:
    """Does in the reference what a transaction did: decides by what was read, and adds that to what is now.

    Money that came after the reading is welcome and not counted; money that went must have been found by a constraint.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def see_accounts(self, seen: Seen, org_ids: Iterable[int]) -> None:
        orgs = self.reference.orgs
        seen.orgs = {org_id: orgs[org_id] | {"people": seen.people[org_id]} for org_id in org_ids if org_id in orgs}

    def see_calls(self, seen: Seen, org_ids: Iterable[int], keys: Iterable[Key]) -> None:
        calls, orgs = self.reference.calls, self.reference.orgs
        seen.calls = {key: dict(calls[key]) if key in calls else None for key in keys}
        seen.people = {org_id: dict(orgs[org_id]["people"]) for org_id in org_ids if org_id in orgs}

    def see_lots(self, seen: Seen) -> None:
        for org_id, org in seen.orgs.items():
            now = self.reference.orgs[org_id]
            org["lots"] = {lot_id: dict(lot) for lot_id, lot in now["lots"].items()}
            org["expired"] = dict(now["expired"])
        # Should they be read now, they are seen anew; should they be forgotten, the reference still knows them.
        self.see_pools(seen)
        self.see_tallies(seen)

    def see_pools(self, seen: Seen) -> None:
        for org_id, org in seen.orgs.items():
            now = self.reference.orgs[org_id]
            org["pools"], org["minutes"] = dict(now["pools"]), now["minutes"].copy()

    def see_tallies(self, seen: Seen) -> None:
        for org_id, org in seen.orgs.items():
            org["tallies"] = dict(self.reference.orgs[org_id]["tallies"])

    def see_people(self, seen: Seen, users: Iterable[Key]) -> None:
        """Who is asked again when his pool has ended."""
        for org_id, user_id in users:
            org = seen.orgs[org_id]
            org["again"] = org["again"] | {user_id: self.reference.orgs[org_id]["people"][user_id]}

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
    flat = {name: dict(org[name]) for name in ("expired", "tallies", "people")}
    lots = {lot_id: dict(lot) for lot_id, lot in org["lots"].items()}
    return org | flat | {"lots": lots, "minutes": org["minutes"].copy()}


def _add(now: Dict, before: Dict, after: Dict) -> None:
    """By how much the organization moved."""
    for counter in MONEY:
        now[counter] += after[counter] - before[counter]
    for lot_id, lot in after["lots"].items():
        for counter in MONEY:
            now["lots"][lot_id][counter] += lot[counter] - before["lots"][lot_id][counter]
    for lot_id, gone in after["expired"].items():
        now["expired"][lot_id] = now["expired"].get(lot_id, 0) + gone - before["expired"].get(lot_id, 0)
    for key, minutes in after["minutes"].items():
        now["minutes"][key] += minutes - before["minutes"][key]
    _keep_tallies(now, before, after)
    _keep_blocks(now, before, after)


def _keep_tallies(now: Dict, before: Dict, after: Dict) -> None:
    for user_id, tally in after["tallies"].items():
        if tally != before["tallies"].get(user_id):
            if now["tallies"].get(user_id) != before["tallies"].get(user_id):
                raise Wrong(f"{user_id} was counted by two transactions, and one of them had not seen the other")
            now["tallies"][user_id] = tally


def _keep_blocks(now: Dict, before: Dict, after: Dict) -> None:
    for user_id, person in after["people"].items():
        if person["blocked"] and not before["people"][user_id]["blocked"]:
            if now["people"][user_id]["blocked"]:
                raise Wrong(f"{user_id} was blocked by two transactions, and one of them had not seen the other")
            now["people"][user_id] = now["people"][user_id] | {"blocked": True}
    now["blocks"] += after["blocks"] - before["blocks"]


def amounts(org: Dict) -> dict[str, Any]:
    lots = {lot_id: (lot["posted"], lot["held"]) for lot_id, lot in org["lots"].items()}
    return {"posted": org["posted"], "held": org["held"], "debt": org["debt"], "lots": lots}


def minutes(org: Dict) -> Counter[tuple[str, str, int, str]]:
    """Used and held, of each pool, month and kind; nothing stands for nothing."""
    return Counter({key: number for key, number in org["minutes"].items() if number})


def counted(org: Dict) -> Dict:
    return {user_id: (one["open"], one["held"], one["seen"]) for user_id, one in org["tallies"].items()}
