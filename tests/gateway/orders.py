"""Q8: five messages about one payment in every order, each not at all, once or five times, with the answer of the
provider or without it: what is left at the end depends on which messages came, and on nothing else.

    python -m tests.gateway.orders
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, permutations, product
from random import Random
from typing import Any, NamedTuple

import msgspec

from talktime.actions.inbox import receive
from talktime.core.gateway import Event, EventKind, State, Told
from talktime.core.ids import org_name
from talktime.core.time import DAY
from talktime.storage import payment_store
from talktime.storage.payment_store import Payment
from tests.gateway.bank import Fault
from tests.gateway.flows import pay
from tests.gateway.judge import books_of
from tests.gateway.runs import IN_A_HOUSE, Harness, Opens, on_sqlite, quiet
from tests.gateway.runs import Figures as Played
from tests.gateway.stage import Scenario, Stage
from tests.gateway.templates import AMOUNT, UNIT

EVENTS = ("payment_processing", "payment_failed", "payment_succeeded", "charge_succeeded", "refund_succeeded")
STATES = {"payment_processing": State.PROCESSING, "payment_failed": State.DECLINED}
COPIES = (0, 1, 5)
REFUNDED = 30 * UNIT


class Post(NamedTuple):
    """What comes, and how."""

    order: tuple[str, ...]
    copies: tuple[int, ...]
    """Of each, in that order."""
    answered: bool
    """Whether the provider's own answer came before."""

    @property
    def bag(self) -> frozenset[tuple[str, int]]:
        return frozenset(zip(self.order, self.copies, strict=True))

    def letters(self) -> Iterator[str]:
        """The first copy of each, then the second of those that have one, and so on."""
        for turn in range(max(self.copies, default=0)):
            yield from [name for name, copies in zip(self.order, self.copies, strict=True) if copies > turn]


@dataclass(slots=True)
class Figures:
    posts: int = 0
    bags: set[frozenset[tuple[str, int]]] = field(default_factory=set)
    ends: dict[bool, set[str]] = field(default_factory=dict)
    """The state at the end, by whether a refund was told of."""
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = sum(map(len, self.ends.values()))
        same = "the same end state for the same messages in all" if not self.findings else "DIFFERENT END STATES"
        return f"{self.posts:,} orders of {len(self.bags)} sets of messages, {ends} ends: {same}"


def posts() -> Iterator[Post]:
    """Every order of every set; what does not come at all has no place in the order."""
    for counts in product(COPIES, repeat=len(EVENTS)):
        there = {name: copies for name, copies in zip(EVENTS, counts, strict=True) if copies}
        for order in permutations(there):
            for answered in (True, False):
                yield Post(order, tuple(there[name] for name in order), answered)


def play(harness: Harness, post: Post) -> str:
    """What is left of it, as words."""
    house = harness.house
    house.bank.forget()
    house.clock.at += 3 * DAY
    scenario = Scenario("top-up", Fault.NONE if post.answered else Fault.LOST_AFTER, "never")
    stage = Stage(house, scenario, harness.templates.copy("card"))
    stage.begin()
    payment_id = pay(stage)
    payment = house.app.database.read(stage.org_id, payment_store.find, stage.org_id, payment_id)
    assert payment
    for name in post.letters():
        _deliver(stage, payment, name)
        stage.sweep()
    try:
        stage.drain()
    except Exception as error:
        return f"it fails with {error!r}"
    return _end(stage)


def _deliver(stage: Stage, payment: Payment, name: str) -> None:
    """Each event has one id, however many copies of it come."""
    house = stage.house
    names: dict[str, Any] = {"organization": org_name(stage.org_id), "payment": payment.payment_id, "live": False}
    refunds = name == "refund_succeeded"
    values: dict[str, Any] = {"amount": REFUNDED if refunds else AMOUNT, "currency": "USD", "order": payment.key}
    reference = "re_1" if refunds else f"sim_{payment.key}"
    told = Told(state=STATES.get(name, State.SUCCEEDED), reference=reference, **names, **values)
    event = Event(event_id=f"evt_{name}", kind=EventKind.REFUND if refunds else EventKind.PAYMENT, told=told)
    body = msgspec.json.encode(event)
    signed = {"simulator-signature": house.bank.simulator.sign(body)}
    receive(house.database, house.money.till, house.bank.name, body, signed, house.clock())


def _end(stage: Stage) -> str:
    """Everything but names and instants."""
    books = stage.house.app.database.read(stage.org_id, books_of, stage.org_id)
    [paid] = stage.payments()
    entries = sorted((kind, amount) for _, kind, amount in books.entries)
    notices = sorted((event, count) for (event, _), count in books.told.items())
    taken = len(stage.house.bank.charges(org_name(stage.org_id)))
    payment = (paid.state, paid.amount_micros, paid.refunded_micros, paid.failure_code, paid.leg)
    return f"taken {taken}; {payment}; {books.posted}; {entries}; {books.items}; {notices}; {books.refunds}"


def run(posts: Iterator[Post], opens: Opens, tell: Callable[[Figures], None] = lambda _: None) -> Figures:
    figures = Figures()
    while some := list(islice(posts, IN_A_HOUSE)):
        with opens() as settings, Harness.opened(settings, Played()) as harness:
            for post in some:
                _note(figures, post, play(harness, post))
                tell(figures)
            harness.verify()
            figures.findings += harness.figures.findings
    return figures


def _note(figures: Figures, post: Post, end: str) -> None:
    refunded = "refund_succeeded" in post.order
    ends = figures.ends.setdefault(refunded, set())
    if ends and end not in ends:
        figures.findings.append(f"{post}\n    ends as {end}\n    and others as {next(iter(ends))}")
    ends.add(end)
    figures.posts += 1
    figures.bags.add(post.bag)


def some(number: int, seed: int) -> Sequence[Post]:
    """Each event at most once in every order, and of the others as many as are wanted."""
    every = list(posts())
    once = [post for post in every if set(post.copies) <= {1}]
    others = [post for post in every if set(post.copies) - {1}]
    chance = Random(seed)
    return [*chance.sample(once, min(len(once), number)), *chance.sample(others, max(number - len(once), 0))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.orders", description="Q8: every order of messages.")
    parser.add_argument("--some", type=int, help="so many of them only")
    options = parser.parse_args()
    with quiet():
        figures = run(iter(some(options.some, 1) if options.some else posts()), on_sqlite)
    print(f"messages: {figures}")
    for words in figures.findings[:20]:
        print(words, file=sys.stderr)
    return 1 if figures.findings else 0


if __name__ == "__main__":
    sys.exit(main())
