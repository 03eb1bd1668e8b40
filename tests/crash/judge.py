"""Compares what a database holds with what its clients remember: nothing lost, nothing twice, nothing by halves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from talktime.core.calls import Call as StoredCall
from talktime.core.calls import CallState
from talktime.core.ids import org_name
from talktime.core.money import micros
from talktime.settings import DATABASE_FILE
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, ReadTx
from talktime.storage.store import decode_call
from talktime.storage.verify import reading, verify
from tests.crash.clients import Call, Grant, Journal, Operation, World
from tests.http.shop import Answer, Api, Json

BATCH = 100
PATIENCE_SECONDS = 30.0


class Wrong(StrEnum):
    LOST = "lost"  # it was acknowledged, and it is not there
    DOUBLED = "doubled"  # more is there than was asked for
    PARTIAL = "partial"  # neither as it was before nor as it should be after
    BROKEN = "broken"  # an invariant that `talktime verify` looks at
    MONEY = "charged differently"  # what a provider has taken is not what was credited
    ODD = "odd"  # what a client was answered and must not be


class Finding(NamedTuple):
    wrong: Wrong
    words: str


# ------------------------------------------------------------------------------------------------- what there is


@dataclass(slots=True)
class Books:
    """All of it as one snapshot, by the names that are used outside."""

    calls: dict[tuple[str, str], StoredCall] = field(default_factory=dict)
    grants: dict[str, dict[str, int]] = field(default_factory=dict)
    """Organization -> lot -> amount."""
    charges: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    others: list[tuple[str, str]] = field(default_factory=list)
    """Entries that nobody has asked for."""
    posted: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


def books_of(tx: ReadTx) -> Books:
    books = Books()
    for org_id, call_id, story in tx.execute(select(t.calls.c.org_id, t.calls.c.call_id, t.calls.c.story)):
        books.calls[org_name(org_id), call_id] = decode_call(story)
    entries = t.entries.c
    for org_id, key, amount in tx.execute(select(entries.org_id, entries.entry_key, entries.amount_micros)):
        kind, _, cause = key.partition(":")
        if kind == "grant":
            books.grants.setdefault(org_name(org_id), {})[f"lot_{cause}"] = amount
        elif kind == "settle":
            books.charges.setdefault((org_name(org_id), cause), []).append(amount)
        else:
            books.others.append((org_name(org_id), f"{key}: {amount}"))
    accounts = t.accounts.c
    for org_id, posted, held in tx.execute(select(accounts.org_id, accounts.posted_micros, accounts.held_micros)):
        books.posted[org_name(org_id)], books.held[org_name(org_id)] = posted, held
    return books


# ------------------------------------------------------------------------------------------------- judging


def judge(where: Path | str, world: World, journals: Sequence[Journal], at_rest: bool = False) -> list[Finding]:
    """`at_rest`: every call has ended, and every question was answered."""
    database = reading(where if isinstance(where, str) else None, path_of(where))
    try:
        report = verify(database)
        books = database.read(EVERYBODY, books_of)
    finally:
        database.close()
    found = [Finding(Wrong.BROKEN, str(one)) for one in report.findings]
    found += [Finding(Wrong.ODD, words) for journal in journals for words in journal.findings]
    found += _calls(books, world, [call for journal in journals for call in journal.calls])
    found += _grants(books, world, [grant for journal in journals for grant in journal.grants])
    if at_rest:
        found += _at_rest(books, world, journals)
    return found


def path_of(where: Path | str) -> Path:
    return Path(where) / DATABASE_FILE


def _calls(books: Books, world: World, calls: Sequence[Call]) -> Iterator[Finding]:
    for call in calls:
        if finding := judged(books, call):
            yield finding
    asked = {(call.org, call.call_id) for call in calls}
    for key in books.calls.keys() - asked:
        yield Finding(Wrong.DOUBLED, f"nobody asked for the call {key}")
    for key in books.charges.keys() - asked:
        yield Finding(Wrong.DOUBLED, f"nobody asked for the charge of {key}")
    for org, words in books.others:
        if org not in world.others:
            yield Finding(Wrong.DOUBLED, f"nobody asked for the entry {words} of {org}")


def judged(books: Books, call: Call) -> Finding | None:
    stored = books.calls.get((call.org, call.call_id))
    charges = books.charges.get((call.org, call.call_id), [])
    if len(charges) > 1:
        return Finding(Wrong.DOUBLED, f"{call.call_id} was charged {charges}")
    done, doubtful = call.done, call.doubtful
    # What was asked together may have happened in part, but in its order.
    if any(_fits([*done, *doubtful[:more]], stored, charges) for more in range(len(doubtful) + 1)):
        return None
    lost = any(_fits(done[:fewer], stored, charges) for fewer in range(len(done)))
    wrong = Wrong.LOST if lost else Wrong.PARTIAL
    return Finding(wrong, f"{[(one.verb, one.body, one.answer) for one in call.operations]}: {stored}, {charges}")


def _fits(operations: Sequence[Operation], stored: StoredCall | None, charges: Sequence[int]) -> bool:
    """Whether this is what is left when exactly these have happened."""
    if not operations or stored is None:
        return not operations and stored is None and not charges
    last = operations[-1]
    told, state = last.answer, stored.state
    if last.verb in ("settle", "record"):
        charge = stored.settled.charge if stored.settled else 0
        as_told = told is None or micros(told["charge"]) == charge
        seconds = last.body["duration_seconds"]
        return state is CallState.SETTLED and stored.talked_seconds == seconds and as_told and -charge == sum(charges)
    if charges:
        return False
    match last.verb:
        case "release":
            return state is CallState.RELEASED
        case "authorize":
            decided = state.value if told is None else "open" if told["decision"] == "granted" else "refused"
            return (
                state.value == decided and stored.answered_at is None and state in (CallState.OPEN, CallState.REFUSED)
            )
        case "answered":
            return state is CallState.OPEN and stored.answered_at is not None
        case "extend":
            as_told = told is None or stored.seconds == told["granted_seconds"]
            return state is CallState.OPEN and stored.answered_at is not None and as_told
    raise AssertionError(last.verb)


def _grants(books: Books, world: World, grants: Sequence[Grant]) -> Iterator[Finding]:
    for org in world.orgs:
        there = dict(books.grants.get(org.id, {}))
        mine = [grant for grant in grants if grant.org == org.id]
        for grant in mine:
            if grant.answer and there.pop(grant.answer["id"], None) != micros(str(grant.amount)):
                yield Finding(Wrong.LOST, f"{grant} is not there")
        open_questions = Counter(micros(str(grant.amount)) for grant in mine if grant.sent and grant.answer is None)
        open_questions[micros(str(org.amount))] += 1
        for amount, number in Counter(there.values()).items():
            if number > open_questions[amount]:
                yield Finding(
                    Wrong.DOUBLED, f"{org.id} was granted {amount} {number} times instead of {open_questions}"
                )


def _at_rest(books: Books, world: World, journals: Sequence[Journal]) -> Iterator[Finding]:
    """What the clients were told adds up to what is there."""
    for org in world.orgs:
        wanted = org.amount
        for journal in journals:
            wanted += sum([grant.amount for grant in journal.grants if grant.org == org.id])
            calls = [call for call in journal.calls if call.org == org.id]
            wanted -= sum([charge_told(call) for call in calls])
        posted, held = books.posted[org.id], books.held[org.id]
        if posted != micros(str(wanted)) or held != 0:
            yield Finding(Wrong.BROKEN, f"{org.id} has {posted} and {held} held; its clients make it {wanted}")


def charge_told(call: Call) -> Decimal:
    return sum(
        [Decimal(one.answer["charge"]) for one in call.done if one.answer and "charge" in one.answer], Decimal(0)
    )


# ------------------------------------------------------------------------------------------------- asking again


def ask_again(url: str, world: World, calls: Sequence[Call], grants: Sequence[Grant]) -> list[Finding]:
    """The first and the last thing that was answered about each call: the answer is the same."""
    found: list[Finding] = []
    asked = [operation for call in calls for operation in _repeatable(call)]
    with Api(url, world.key) as api:
        for start in range(0, len(asked), BATCH):
            portion = asked[start : start + BATCH]
            operations = [{"op": one.verb} | one.body for one in portion]
            answer = until_decided(api, "/v1/calls/batch", {"operations": operations})
            for operation, again in zip(portion, answer.json["answers"], strict=True):
                if again["status"] != 200 or _lasting(again["body"]) != _lasting(operation.answer):
                    words = f"{operation.body} was answered {operation.answer}, and now {again}"
                    found.append(Finding(Wrong.LOST, words))
        for grant in grants:
            if grant.answer is None:
                continue
            path = f"/v1/operator/organizations/{grant.org}/grants"
            answer = until_decided(api, path, {"amount": str(grant.amount)}, grant.key)
            if answer.status != 201 or answer.json != grant.answer:
                found.append(Finding(Wrong.LOST, f"{grant} was answered {answer} when it was asked again"))
    return found


def until_decided(api: Api, path: str, body: Json, key: str | None = None) -> Answer:
    """Also a busy machine may be too slow for the second that a switch waits."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    headers = {"Idempotency-Key": key} if key else {}
    while (answer := api.post(path, body, headers=headers)).status == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def _repeatable(call: Call) -> list[Operation]:
    done = call.done
    first = [one for one in done[:1] if one.verb in ("authorize", "record")]
    last = [one for one in done[1:] if one is done[-1] and not call.doubtful]
    # A grant that could not grow may grow now: other calls have given money back.
    return [one for one in first + last if not (one.verb == "extend" and one.answer and one.answer["final"])]


def _lasting(answer: Json) -> Json:
    """Without the balance, which is that of now."""
    return {name: value for name, value in answer.items() if name != "balance"} if answer else answer
