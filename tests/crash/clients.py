"""Switches that place calls over HTTP while servers die under them, and the journal of what they asked and heard.

A client asks again, with the same bytes, until it is answered; only then it asks the next thing about that call.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.client import HTTPException
from itertools import count
from random import Random
from threading import Condition, Thread
from typing import NamedTuple

from tests.http.shop import Answer, Api, Json, Shop

CLIENTS = 6
HAND_MAX = 6
"""Calls that one client has in progress."""
SLICE_SECONDS = 300
UNAVAILABLE_PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
TOO_LATE_SECONDS = 20.0
"""An answer that takes longer is a finding, whatever happened to the store."""
NUMBERS = ("+12025550117", "+442079460123", "+442079460155", "+33199000117")
"""The last one has no price."""


# ------------------------------------------------------------------------------------------------- the journal


@dataclass(eq=False, slots=True)
class Operation:
    verb: str
    body: Json
    sent: bool = False
    answer: Json | None = None
    """Of the first time that it was heard whole."""
    problem: Json | None = None
    """What it was answered instead, which is a finding; nobody asks on."""


@dataclass(eq=False, slots=True)
class Call:
    org: str
    call_id: str
    operations: list[Operation] = field(default_factory=list)

    @property
    def done(self) -> list[Operation]:
        return [one for one in self.operations if one.answer is not None]

    @property
    def doubtful(self) -> list[Operation]:
        """Sent, and nobody knows whether it happened. They were sent together."""
        return [one for one in self.operations if one.sent and one.answer is None and one.problem is None]

    @property
    def has_ended(self) -> bool:
        last = self.operations[-1]
        if last.answer is None:
            return last.problem is not None
        return last.verb in ("settle", "release", "record") or last.answer.get("decision") == "refused"

    @property
    def granted_seconds(self) -> int:
        return max(int(one.answer.get("granted_seconds", 0)) for one in self.operations if one.answer)


@dataclass(eq=False, slots=True)
class Grant:
    """Money that the operator gives, under a key that makes it happen once."""

    org: str
    key: str
    amount: Decimal
    sent: bool = False
    answer: Json | None = None


@dataclass(slots=True)
class Journal:
    calls: list[Call] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    answered: int = 0
    """Operations that were answered."""
    findings: list[str] = field(default_factory=list)
    """What the client itself saw that must not be."""
    slowest_seconds: float = 0.0
    again: list[str] = field(default_factory=list)
    """Requests that had to be sent again, since there was no answer or it was that nobody can answer now."""


# ------------------------------------------------------------------------------------------------- the world


class Org(NamedTuple):
    id: str
    caller: str
    key: str
    """Its own, which its switches use."""
    amount: Decimal
    """What it has at the beginning."""


@dataclass(slots=True)
class World:
    key: str
    """The operator's."""
    orgs: Sequence[Org]
    numbers: Iterator[int] = field(default_factory=count)
    """What makes ids unique."""

    @classmethod
    def made(cls, url: str, operator_key: str, amounts: Sequence[str] = ("10000", "25", "3")) -> World:
        """One organization that has enough, one that hardly has, one that has not."""
        shop = Shop.opened(url, operator_key)
        orgs = []
        for amount in amounts:
            org = shop.organization(amount)
            orgs.append(Org(org.id, org.caller, org.key("calls")["key"], Decimal(amount)))
        shop.close()
        return cls(operator_key, orgs)


class Gate:
    """Clients come by before each request. While it is closed they stay there, and everything stands still."""

    def __init__(self, clients: int) -> None:
        self._changed = Condition()
        self._outside = clients
        self._closed = True
        self.finishing = False
        """Whether calls come to their ends and no more begin."""
        self.database_is_down = False
        """Whether nobody may be granted anything."""

    def pass_by(self) -> None:
        with self._changed:
            if self._closed:
                self._outside -= 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: not self._closed)
                self._outside += 1

    def leave(self) -> None:
        with self._changed:
            self._outside -= 1
            self._changed.notify_all()

    def open(self) -> None:
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    def close(self) -> None:
        """Returns when all clients stand still."""
        with self._changed:
            self._closed = True
            if not self._changed.wait_for(lambda: self._outside == 0, PATIENCE_SECONDS):
                raise HarnessError("a client waits for an answer that does not come")


# ------------------------------------------------------------------------------------------------- the clients


class Client(Thread):
    def __init__(self, number: int, seed: str, world: World, urls: Sequence[str], gate: Gate) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.journal = Journal()
        self._chance = Random(f"{seed}/{number}")
        self._world = world
        self._gate = gate
        # Some switches belong to an organization, the others to the operator.
        own = world.orgs[number % len(world.orgs)] if number % 2 else None
        self._orgs = [own] if own else world.orgs
        self._is_operator = own is None
        self._apis = [Api(url, own.key if own else world.key) for url in urls]
        self._hand: list[Call] = []

    def join_server(self, url: str) -> None:
        """From now on also ask this server."""
        self._apis.append(Api(url, self._apis[0].key))

    def run(self) -> None:
        try:
            while self._hand or not self._gate.finishing:
                self._step()
        except Exception:
            self.journal.findings.append(traceback.format_exc())
        finally:
            self._gate.leave()
            for api in self._apis:
                api.close()

    def _step(self) -> None:
        if self._gate.finishing:
            self._ask_one(self._chance.choice(self._hand))
            return
        match self._chance.choices(["go on", "begin", "record", "batch", "grant"], [6, 4, 1, 3, 1])[0]:
            case "go on" if self._hand:
                self._ask_one(self._chance.choice(self._hand))
            case "record":
                self._ask([self._add("record", self._new_call())])
            case "batch":
                self._ask_many()
            case "grant" if self._is_operator:
                self._grant()
            case _ if len(self._hand) < HAND_MAX:
                self._ask([self._add("authorize", self._new_call())])
            case _:
                self._ask_one(self._chance.choice(self._hand))

    # --------------------------------------------------------------------------------------------- what is asked

    def _new_call(self) -> Call:
        call = Call(self._chance.choice(self._orgs).id, f"c{next(self._world.numbers)}")
        self.journal.calls.append(call)
        return call

    def _ask_one(self, call: Call) -> None:
        self._ask([self._next_of(call)])

    def _next_of(self, call: Call) -> tuple[Call, Operation]:
        verbs = {one.verb for one in call.operations}
        if "answered" in verbs or "extend" in verbs:
            choices = ["settle"] if self._gate.finishing else ["settle", "extend", "extend"]
        else:
            choices = ["settle", "release"] if self._gate.finishing else ["settle", "release", "answered", "extend"]
        return self._add(self._chance.choice(choices), call)

    def _add(self, verb: str, call: Call) -> tuple[Call, Operation]:
        operation = Operation(verb, {"call_id": call.call_id, "organization": call.org} | self._fields(verb, call))
        call.operations.append(operation)
        return call, operation

    def _fields(self, verb: str, call: Call) -> Json:
        match verb:
            case "authorize" | "record":
                caller = next(org.caller for org in self._orgs if org.id == call.org)
                asked = {"call_type": "user_out", "user": caller, "from": "+442079460101"}
                asked["to"] = self._chance.choices(NUMBERS, [8, 8, 8, 1])[0]
                if verb == "authorize":
                    return asked
                now = datetime.now(UTC).isoformat()
                return asked | {"started_at": now, "duration_seconds": self._chance.randrange(400)}
            case "extend":
                return {"granted_seconds": call.granted_seconds}
            case "settle":
                return {"duration_seconds": self._chance.randrange(900)}
        return {}

    def _ask_many(self) -> None:
        """Several calls at once, and some from their beginning to their end."""
        some = self._chance.sample(self._hand, self._chance.randint(0, len(self._hand)))
        asked = [self._next_of(call) for call in some]
        for _ in range(self._chance.randint(1, 4)):
            call = self._new_call()
            asked.append(self._add("authorize", call))
            if len(self._hand) + len(asked) > HAND_MAX or self._chance.random() < 0.5:
                asked.append(self._add("settle", call))
        self._ask(asked, together=True)

    # --------------------------------------------------------------------------------------------- asking

    def _ask(self, asked: Sequence[tuple[Call, Operation]], together: bool = False) -> None:
        asking = [operation for _, operation in asked]
        if together:
            operations = [{"op": operation.verb} | operation.body for operation in asking]
            answer = self._until_answered("/v1/calls/batch", {"operations": operations}, asking)
            refused = [{"status": answer.status, "body": answer.json}] * len(asked)
            told = answer.json["answers"] if answer.status == 200 else refused
        else:
            (one,) = asking
            answer = self._until_answered(f"/v1/calls/{one.verb}", one.body, asking)
            told = [{"status": answer.status, "body": answer.json}]
        for operation, heard in zip(asking, told, strict=True):
            self._hear(operation, heard)
        for call in {id(call): call for call, _ in asked}.values():
            if call.has_ended and call in self._hand:
                self._hand.remove(call)
            elif not call.has_ended and call not in self._hand:
                self._hand.append(call)

    def _hear(self, operation: Operation, heard: Json) -> None:
        if heard["status"] != 200:
            operation.problem = heard
            self.journal.findings.append(f"{operation.body} was answered {heard}")
            return
        operation.answer = heard["body"]
        self.journal.answered += 1
        if operation.verb == "extend":
            longer_by = heard["body"]["granted_seconds"] - operation.body["granted_seconds"]
            if not 0 <= longer_by <= SLICE_SECONDS:
                self.journal.findings.append(f"{operation.body} became {longer_by} s longer: {heard}")

    def _grant(self) -> None:
        org = self._chance.choice(self._orgs)
        grant = Grant(org.id, f"grant-{next(self._world.numbers)}", Decimal(self._chance.choice(["0.7", "2", "5"])))
        self.journal.grants.append(grant)
        path = f"/v1/operator/organizations/{org.id}/grants"
        answer = self._until_answered(path, {"amount": str(grant.amount)}, [grant], grant.key)
        if answer.status == 201:
            grant.answer = answer.json
            self.journal.answered += 1
        else:
            self.journal.findings.append(f"{grant} was answered {answer}")

    def _until_answered(
        self, path: str, body: Json, asking: Sequence[Operation | Grant], key: str | None = None
    ) -> Answer:
        raw = json.dumps(body).encode()
        headers = {"Idempotency-Key": key} if key else {}
        while True:
            self._gate.pass_by()
            for one in asking:
                one.sent = True
            was_down = self._gate.database_is_down
            begun = time.monotonic()
            # The next question may go to another server, and so may the same one when it is asked again.
            api = self._chance.choice(self._apis)
            answer: Answer | None = None
            with suppress(OSError, HTTPException):
                answer = api.post(path, raw=raw, headers=headers)
            self._note_time(path, time.monotonic() - begun)
            if answer is None or answer.status == 503:
                self.journal.again.append(f"{path} after {time.monotonic() - begun:.1f} s: {answer}")
            if answer is None:
                api.close()
                time.sleep(UNAVAILABLE_PAUSE_SECONDS)
            elif answer.status == 503:
                if "retry-after" not in answer.headers:
                    self.journal.findings.append(f"no word about when to come again: {answer}")
                time.sleep(UNAVAILABLE_PAUSE_SECONDS)
            else:
                if was_down and self._gate.database_is_down:
                    self.journal.findings.append(f"{path} {body} was answered without a database: {answer}")
                return answer

    def _note_time(self, path: str, seconds: float) -> None:
        self.journal.slowest_seconds = max(self.journal.slowest_seconds, seconds)
        if seconds > TOO_LATE_SECONDS:
            self.journal.findings.append(f"{path} was answered after {seconds:.1f} s")


# ------------------------------------------------------------------------------------------------- all of them


class HarnessError(Exception):
    """The harness does not do what it should; it says nothing about the product."""


class Crowd:
    """All clients of a world. They wait for the gate to be opened."""

    def __init__(self, world: World, urls: Sequence[str], seed: str) -> None:
        self.world = world
        self.gate = Gate(CLIENTS)
        self._clients = [Client(number, seed, world, urls, self.gate) for number in range(CLIENTS)]
        for client in self._clients:
            client.start()
        self.gate.close()

    @property
    def journals(self) -> list[Journal]:
        return [client.journal for client in self._clients]

    @property
    def calls(self) -> list[Call]:
        return [call for journal in self.journals for call in journal.calls]

    @property
    def grants(self) -> list[Grant]:
        return [grant for journal in self.journals for grant in journal.grants]

    @property
    def answered(self) -> int:
        return sum(journal.answered for journal in self.journals)

    @property
    def again(self) -> list[str]:
        return [one for journal in self.journals for one in journal.again]

    def join_server(self, url: str) -> None:
        for client in self._clients:
            client.join_server(url)

    @property
    def in_doubt(self) -> int:
        """How many questions were sent and not answered."""
        calls = sum(len(call.doubtful) for call in self.calls)
        return calls + sum(grant.sent and grant.answer is None for grant in self.grants)

    @property
    def slowest_seconds(self) -> float:
        return max(journal.slowest_seconds for journal in self.journals)

    def wait_for_answers(self, number: int) -> float:
        """To so many questions more; how long that took."""
        begun, enough = time.monotonic(), self.answered + number
        while self.answered < enough:
            if time.monotonic() - begun > PATIENCE_SECONDS:
                raise HarnessError(f"nobody is answered in {PATIENCE_SECONDS} s")
            time.sleep(0.002)
        return time.monotonic() - begun

    def finish(self) -> None:
        """Every call comes to its end, every question to its answer."""
        self.gate.finishing = True
        self.gate.open()
        for client in self._clients:
            client.join(PATIENCE_SECONDS)
            if client.is_alive():
                raise HarnessError(f"{client.name} comes to no end in {PATIENCE_SECONDS} s")
