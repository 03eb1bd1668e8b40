"""Organizations beside each other, the engine itself, and what its books say; on both databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select

from talktime.charging.engine import Engine, KeysChanged, Shelf
from talktime.core.call_types import CallType
from talktime.core.calls import (
    Answered,
    CallState,
    Command,
    Done,
    Ended,
    Failed,
    Granted,
    Key,
    Refusal,
    Refused,
)
from talktime.core.desk import Changes
from talktime.core.money import micros as usd
from talktime.core.prices import PriceList, Prices, Row, Window
from talktime.core.time import DAY, EPOCH, MINUTE, SECOND
from talktime.storage import tables as t
from talktime.storage.errors import StoreUnavailable
from talktime.storage.store import BatchTx, Store
from tests.charging.books import LATER, Books
from tests.core.paper import Paper
from tests.core.switch import (
    FRANCE,
    GERMANY,
    NOW,
    ROWS,
    UK,
    ended,
    granted,
    lot,
    paid,
    refused,
)
from tests.core.test_decide import some_command

# --------------------------------------------------------------------------------------------------- organizations


def test_a_closed_organization_begins_no_calls_but_its_running_ones_are_settled(shop: Books) -> None:
    for call_id in ("c1", "c2", "c3"):
        shop.authorize(call_id)
    shop.change(state="closed")
    assert refused(shop.authorize("c4")) is Refusal.ORGANIZATION_CLOSED
    assert granted(shop.authorize("c1")).seconds == 300
    assert paid(shop.settle("c1", 61)) == ("0.2", "0")
    assert shop.release("c2") == Done()
    shop.lapse("c3", lost=True)
    assert shop.money() == ("9.8", "0")


def test_one_batch_may_speak_for_many_organizations(books: Books) -> None:
    commands: list[Command] = []
    for org_id in (3, 1, 2):
        books.organization(lot("lot1", f"0.{org_id}"), org_id=org_id)
        books.org_id = org_id
        commands += [books.authorization("c1"), books.settlement("c1", 61)]
    answers = books.run(*commands)
    assert [granted(answer).seconds for answer in answers[::2]] == [180, 60, 120]
    assert [paid(answer) for answer in answers[1::2]] == [("0.2", "0"), ("0.1", "0.1"), ("0.2", "0")]


def test_a_test_organization_lives_by_its_own_clock(books: Books) -> None:
    far = NOW + 400 * DAY
    books.organization(lot("lot1", "10"), lot("lot2", "1", far + 1), mode="test", clock_at=far)
    assert granted(books.authorize("c1")).expires_at == far + 420 * SECOND
    assert books.booked() == {"expire:lot1:3": "-10"}
    books.change(clock_at=far + 8 * MINUTE)
    books.lapse("c1")
    assert (books.money(), books.call("c1").state) == (("0", "0"), CallState.RELEASED)


def test_every_entry_says_what_caused_it(shop: Books) -> None:
    shop.authorize("c1")
    shop.settle("c1", 61)
    entry = shop.snapshot().entries[-1]
    assert (entry.kind, entry.key, entry.at, entry.by, entry.note) == ("charge", "settle:c1", NOW, "key_1", "c1")


# --------------------------------------------------------------------------------------------------- the engine itself

TOO_LATE = (datetime(9999, 12, 31, 23, 59, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
BAD_RECORDS = [
    {"started_at": 2**63, "to": FRANCE},
    {"started_at": -(2**63) - 1, "to": FRANCE},
    {"started_at": 10**30, "to": FRANCE},
    # In Tokyo that is in the year 10000, which no calendar knows: a price by hours of the week has to look at one.
    {"started_at": TOO_LATE, "to": UK},
]


@pytest.fixture
def tokyo(books: Books) -> Books:
    always = Window(tuple(range(1, 8)), 0, 1440, usd("0.1"))
    books.versions = [("standard", 0, PriceList(4, [Row("44", "UK", 1, windows=(always,)), *ROWS[1:]]))]
    books.organization(lot("lot1", "10"), time_zone="Asia/Tokyo")
    return books


@pytest.mark.parametrize("asked", BAD_RECORDS)
def test_a_bad_command_harms_no_other_in_its_batch(tokyo: Books, asked: dict[str, Any]) -> None:
    tokyo.authorize("c1")
    answers = tokyo.run(
        tokyo.settlement("c1", 61),
        tokyo.recording("c2", 61, **asked),
        tokyo.authorization("c3"),
        tokyo.release_of("c4"),
    )
    assert paid(answers[0]) == ("0.2", "0")
    assert answers[1] == Failed()
    assert granted(answers[2]).seconds == 300
    assert answers[3] == Done()
    assert tokyo.money() == ("9.8", "0.5")


@pytest.mark.parametrize("asked", BAD_RECORDS)
def test_a_command_that_cannot_be_carried_out_has_changed_nothing(tokyo: Books, asked: dict[str, Any]) -> None:
    before = tokyo.snapshot()
    assert tokyo.record("c1", 61, **asked) == Failed()
    assert tokyo.snapshot() == before
    assert paid(tokyo.record("c1", 61)) == ("0.2", "0")


def test_a_call_of_thousands_of_years_takes_what_is_there_and_the_rest_is_a_shortfall(shop: Books) -> None:
    shop.authorize("c1")
    shop.authorize("c2")
    answer = ended(shop.settle("c1", 2**40)).settled
    assert (answer.charge, answer.charge + answer.shortfall) == (usd("9.5"), usd("0.1") * -(-(2**40) // 60))
    assert shop.money() == ("0.5", "0.5")


@pytest.mark.parametrize("seconds", [2**63, 10**30])
def test_what_costs_more_than_can_be_booked_is_a_fault_and_given_away(shop: Books, seconds: int) -> None:
    shop.authorize("c1")
    answer = ended(shop.settle("c1", seconds)).settled
    assert (answer.charge, answer.shortfall) == (0, 0)
    assert [(row.capability, row.payer) for row in answer.rows] == [("FREECALL", "none")]
    assert shop.money() == ("10", "0")


@pytest.mark.parametrize("odd", ["\x00", "a\x00b"])
def test_a_name_that_no_column_takes_harms_no_other(shop: Books, odd: str) -> None:
    answers = shop.run(shop.authorization("c1"), shop.authorization("c2", user=odd), shop.authorization("c3"))
    assert [granted(answers[n]).seconds for n in (0, 2)] == [300, 300]
    assert isinstance(answers[1], Failed | Refused)


class Interrupted:
    """A store whose connection is lost at the end of a transaction, as often as it is told."""

    def __init__(self, store: Store, times: int, committed: bool) -> None:
        self._store, self._times, self._committed = store, times, committed
        self.lanes = store.lanes

    @contextmanager
    def transaction(self, org_ids: Any, locked: bool) -> Iterator[BatchTx]:
        self._times -= 1
        lost = self._times >= 0
        with self._store.transaction(org_ids, locked) as tx:
            yield tx
            if lost and not self._committed:
                raise StoreUnavailable("the connection is lost")
        if lost:
            raise StoreUnavailable("the connection is lost")

    def shard_of(self, org_id: int) -> int:
        return self._store.shard_of(org_id)

    def close(self) -> None:
        self._store.close()


def several(books: Books) -> list[Command]:
    books.authorize("old")
    return [books.authorization("c1"), books.settlement("old", 61), books.settlement("c1", 301)]


@pytest.mark.parametrize("committed", [False, True])
def test_a_batch_whose_outcome_is_unknown_is_run_again_and_happens_once(shop: Books, committed: bool) -> None:
    commands = several(shop)
    shop.engine = shop.engine_on(Interrupted(shop.store, 1, committed))
    answers = shop.run(*commands)
    assert [type(answers[0]), paid(answers[1]), paid(answers[2])] == [Granted, ("0.2", "0"), ("0.6", "0")]
    assert shop.booked() == {"settle:old": "-0.2", "settle:c1": "-0.6"}


@pytest.mark.parametrize("committed", [False, True])
def test_a_store_that_stays_away_grants_nothing(shop: Books, committed: bool) -> None:
    commands = several(shop)
    shop.engine = shop.engine_on(Interrupted(shop.store, 2, committed))
    with pytest.raises(StoreUnavailable):
        shop.run(*commands)
    shop.check()
    assert (shop.booked() == {}) is not committed
    assert [type(answer) for answer in shop.run(*commands)] == [Granted, Ended, Ended]
    assert shop.booked() == {"settle:old": "-0.2", "settle:c1": "-0.6"}


def test_a_batch_whose_callers_may_have_lost_their_keys_is_not_begun(shop: Books) -> None:
    before = shop.snapshot()
    shop.engine = shop.engine_on(shop.store, keys_revision=lambda: -1)
    with pytest.raises(KeysChanged):
        shop.authorize("c1")
    assert shop.snapshot() == before
    shop.engine = shop.engine_on(shop.store, keys_revision=lambda: 0)
    assert granted(shop.authorize("c1")).seconds == 300


def test_price_lists_are_read_again_only_when_they_changed(shop: Books) -> None:
    reads: list[int] = []

    def read() -> Prices:
        reads.append(1)
        return Prices(shop.versions, {"USD": "standard"})

    shop.engine = Engine(shop.store, Shelf(read))
    shop.authorize("c1")
    shop.authorize("c2")
    assert len(reads) == 1
    shop.publish(*ROWS)
    shop.authorize("c3")
    assert len(reads) == 2


def test_a_slow_reader_of_price_lists_does_not_pass_old_ones_off_as_new() -> None:
    old, new = Prices(()), Prices(())
    seen: list[Prices] = []

    def read() -> Prices:
        if seen:
            return new
        # The first lane is still reading when the second one has already read what was published since.
        seen.append(old)
        seen.append(shelf.at(2))
        return old

    shelf = Shelf(read)
    assert (shelf.at(1), seen[1], shelf.at(2)) == (old, new, new)


# --------------------------------------------------------------------------------------------------- a long day


@pytest.mark.parametrize("seed", range(3))
def test_a_day_of_random_calls_is_answered_as_on_paper(books: Books, seed: int) -> None:
    lots = [lot("lot1", "2.7"), lot("lot2", "0.5", NOW + 900 * SECOND), lot("lot3", "1.3", LATER)]
    books.organization(*lots)
    paper, chance = Paper(*lots), Random(seed)
    for _ in range(40):
        paper.later(chance.choice((0, 1, 100)))
        commands = [some_command(paper, chance) for _ in range(chance.randrange(1, 12))]
        assert books.run(*commands) == paper.run(*commands)
    assert books.snapshot().accounts == paper.snapshot().accounts
    assert sorted(books.snapshot().entries) == sorted(paper.snapshot().entries)


# ------------------------------------------------------------------------------------ others in the same database


@contextmanager
def standing_still(books: Books, org_id: int, calls: Sequence[Key] = ()) -> Iterator[None]:
    """Another process has this organization to itself, and has read these calls."""
    store = books.make_store(1)
    try:
        with store.transaction([org_id], locked=True) as tx:
            tx.load(calls, ())
            yield
            tx.record(Changes({}, [], [], [], []))
    finally:
        store.close()


def test_who_is_locked_for_too_long_is_told_to_ask_again_and_no_other_is_harmed(postgres_books: Books) -> None:
    books = postgres_books
    books.organization(lot("lot1", "10"))
    books.organization(lot("lot2", "10"), org_id=2)
    with standing_still(books, 1):
        other = replace(books.authorization("c2"), org_id=2)
        answers = books.engine.run([books.authorization("c1"), other])
    assert answers[0] == Failed(busy=True)
    assert granted(answers[1]).seconds == 300
    assert granted(books.authorize("c1")).seconds == 300


def test_a_call_stands_still_with_its_organization_though_no_money_moves(postgres_books: Books) -> None:
    books = postgres_books
    books.organization(lot("lot1", "1"))
    books.authorize("c1")
    with ThreadPoolExecutor() as pool:
        with standing_still(books, 1, [(1, "c1")]):
            waiting = pool.submit(books.engine.run, [Answered(1, "c1", NOW, "key_1", None)])
            assert wait([waiting], timeout=0.5).not_done == {waiting}
        assert waiting.result() == [Done()]


# --------------------------------------------------------------------------------------------------- reports


@pytest.mark.parametrize(
    ("call_type", "to", "rules"),
    [
        (CallType.USER_IN, UK, {}),
        (CallType.USER_OUT, GERMANY, {}),
        (CallType.USER_OUT, UK, {"billing_account": "postpaid"}),
    ],
)
def test_a_record_that_moves_no_money_is_reported_all_the_same(
    books: Books, call_type: CallType, to: str, rules: dict[str, Any]
) -> None:
    """Free, at a price of nothing, or to be paid later."""
    books.organization(lot("lot1", "0.01"), **rules)
    ended(books.record("c1", 61, call_type=call_type, to=to))
    assert books.reported() == ["c1"]


def test_a_call_whose_id_a_file_had_brought_before_ends_all_the_same(shop: Books) -> None:
    """Its hold must not live for ever; which of the two was wrong is for people to say."""
    shop.authorize("c1")
    shop.settle("c1", 60)
    (usage,) = shop.database.read(1, lambda tx: tx.execute(select(t.usage)).all())
    twin = usage._asdict() | {"call_id": "c2", "usage_id": "0" * 32}
    shop.database.write(1, lambda tx: tx.execute(insert(t.usage), twin))
    granted(shop.authorize("c2"))
    assert paid(shop.settle("c2", 120)) == ("0.2", "0")
    rows = shop.database.read(1, lambda tx: tx.execute(select(t.usage.c.call_id, t.usage.c.seconds)).all())
    assert sorted(map(tuple, rows)) == [("c1", 60), ("c2", 120)]
