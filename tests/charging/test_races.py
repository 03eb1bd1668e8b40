"""Several processes at one balance: whatever comes between a look and a write, the money is spent once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier

import pytest

from talktime.charging.engine import LOCKED_AFTER_CONFLICT, Engine
from talktime.core.call_types import CallType
from talktime.core.calls import Answer, CallState, Command, Done, Ended, Extended, Granted, Lapse, Refusal, Touch
from talktime.core.time import SECOND
from talktime.storage.errors import Conflict
from tests.charging.books import Books
from tests.core.switch import NOW, YEAR, ended, extended, granted, lot, paid, refused

PROCESSES = 16


@contextmanager
def processes(books: Books, number: int = PROCESSES) -> Iterator[Sequence[Engine]]:
    """Each has connections of its own; on SQLite, where one process writes, they are threads of it."""
    with ExitStack() as stack:
        if books.database.dialect == "sqlite":
            yield [books.engine] * number
        else:
            yield [stack.enter_context(books.other_process()) for _ in range(number)]


def at_once(jobs: Sequence[Callable[[], list[Answer]]]) -> list[list[Answer]]:
    """All begin in the same moment."""
    gate = Barrier(len(jobs))

    def begin(job: Callable[[], list[Answer]]) -> list[Answer]:
        gate.wait(30)
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(begin, jobs))


def hammering(engine: Engine, batches: Sequence[Sequence[Command]]) -> Callable[[], list[Answer]]:
    return lambda: [answer for batch in batches for answer in engine.run(batch)]


def without_funds(answer: Answer) -> str:
    """The balance of an answer is that of its moment, and may be another by the time of the next."""
    return repr(answer.settled if isinstance(answer, Ended) else answer)


# --------------------------------------------------------------------------------------------------- many at once


@pytest.mark.parametrize("batch", [1, 4])
def test_sixteen_processes_are_granted_exactly_what_the_money_covers(books: Books, batch: int) -> None:
    books.organization(lot("lot1", "9.7"), lot("lot2", "10.3", NOW + 2 * YEAR))
    asked = [[books.authorization(f"c{worker}-{n}") for n in range(8)] for worker in range(PROCESSES)]
    batches = [[mine[n : n + batch] for n in range(0, len(mine), batch)] for mine in asked]
    with processes(books) as engines:
        answers = at_once([hammering(*pair) for pair in zip(engines, batches, strict=True)])
    outcomes = Counter(type(answer).__name__ for mine in answers for answer in mine)
    assert outcomes == {"Granted": 40, "Refused": PROCESSES * 8 - 40}
    assert books.money() == ("20", "20")
    books.check()


def test_debt_is_not_lent_to_sixteen_processes(books: Books) -> None:
    books.organization(lot("lot1", "20"), debt="16")
    commands = [[[books.authorization(f"c{worker}-{n}")] for n in range(2)] for worker in range(PROCESSES)]
    with processes(books) as engines:
        answers = at_once([hammering(*pair) for pair in zip(engines, commands, strict=True)])
    assert sum(isinstance(answer, Granted) for mine in answers for answer in mine) == 8
    assert books.money() == ("4", "4")
    books.check()


def test_one_call_said_by_sixteen_processes_is_held_and_charged_once(books: Books) -> None:
    books.organization(lot("lot1", "10"))
    story: list[Command] = [books.authorization("c1"), books.extension("c1", 300), books.settlement("c1", 500)]
    with processes(books) as engines:
        for command in story:
            answers = at_once([hammering(engine, [[command]]) for engine in engines])
            assert {without_funds(answer) for (answer,) in answers} == {without_funds(answers[0][0])}
    assert books.booked() == {"settle:c1": "-0.9"}
    assert books.money() == ("9.1", "0")
    books.check()


def test_batches_that_name_the_same_organizations_in_any_order_wait_for_nobody_for_ever(books: Books) -> None:
    for org_id in (1, 2, 3):
        books.organization(lot("lot1", "100"), org_id=org_id)

    def commands(worker: int) -> list[list[Command]]:
        order = [1, 2, 3] if worker % 2 else [3, 2, 1]
        return [[command for org_id in order for command in whole_call(org_id, f"c{worker}-{n}")] for n in range(5)]

    def whole_call(org_id: int, call_id: str) -> list[Command]:
        books.org_id = org_id
        return [books.authorization(call_id), books.settlement(call_id, 61)]

    with processes(books, 6) as engines:
        at_once([hammering(engine, commands(worker)) for worker, engine in enumerate(engines)])
    for org_id in (1, 2, 3):
        books.org_id = org_id
        assert books.money() == ("94", "0")
    books.check()


# --------------------------------------------------------------------------------------------------- meanwhile


@pytest.fixture
def shop(postgres_books: Books) -> Books:
    postgres_books.organization(lot("lot1", "1"))
    return postgres_books


def while_another(shop: Books, theirs: Callable[[Engine], object], mine: Command) -> Answer:
    """What `mine` is answered when another process does `theirs` after we have read and before we have written."""
    with shop.other_process() as other:
        waiting = [theirs]

        def meanwhile() -> int:
            if waiting:
                waiting.pop()(other)
            return 0

        with shop.other_process(keys_revision=meanwhile) as engine:
            (answer,) = engine.run([mine])
    assert waiting == []
    shop.check()
    return answer


@pytest.fixture
def pool_shop(shop: Books) -> Books:
    """One pool of seven minutes, from which its only user calls."""
    shop.assign(("MCOMEETADD", "MCOPSTNPP"))
    shop.pool("MCOMEETADD", 7)
    return shop


def test_a_call_from_a_pool_that_another_process_has_ended_meanwhile_is_ended_once(pool_shop: Books) -> None:
    granted(pool_shop.authorize("c1", call_type=CallType.CONF_OUT))
    end = pool_shop.settlement("c1", 100)
    answer = ended(while_another(pool_shop, lambda other: other.run([end]), end))
    assert (answer.settled.pool_minutes, answer.conflict) == (2, False)
    assert pool_shop.minutes("MCOMEETADD") == (2, 0)


def test_a_late_end_that_another_process_has_corrected_meanwhile_gives_back_once(pool_shop: Books) -> None:
    granted(pool_shop.authorize("c1", call_type=CallType.CONF_OUT))
    pool_shop.answered("c1")
    pool_shop.later(3600)
    pool_shop.lapse("c1")
    end = pool_shop.settlement("c1", 100)
    assert ended(while_another(pool_shop, lambda other: other.run([end]), end)).settled.pool_minutes == 2
    assert pool_shop.minutes("MCOMEETADD") == (2, 0)


def test_what_another_call_has_taken_meanwhile_is_not_granted_again(shop: Books) -> None:
    shop.authorize("c1")
    answer = while_another(shop, lambda other: other.run([shop.authorization("c2")]), shop.authorization("c3"))
    assert refused(answer) is Refusal.NO_BALANCE
    assert shop.money() == ("1", "1")


def test_debt_is_not_lent_to_two_calls(postgres_books: Books) -> None:
    postgres_books.organization(lot("lot1", "1"), debt="0.4")
    theirs = postgres_books.authorization("c1")
    answer = while_another(postgres_books, lambda other: other.run([theirs]), postgres_books.authorization("c2"))
    assert (granted(answer).seconds, granted(answer).final) == (60, True)
    assert postgres_books.money() == ("0.6", "0.6")


def test_debt_that_came_meanwhile_is_seen_by_the_next_call(shop: Books) -> None:
    answer = while_another(shop, lambda other: shop.owe("0.9"), shop.authorization("c1"))
    assert granted(answer).seconds in (60, 300)
    assert refused(shop.authorize("c2")) is Refusal.NO_BALANCE


def test_the_same_request_meanwhile_is_answered_as_it_was(shop: Books) -> None:
    theirs = shop.authorization("c1")
    shop.later(5)
    answer = while_another(shop, lambda other: other.run([theirs]), shop.authorization("c1"))
    assert answer == shop.authorize("c1")
    assert granted(answer).expires_at == NOW + 420 * SECOND
    assert shop.money() == ("1", "0.5")


def test_an_extend_of_a_call_that_ended_meanwhile_grows_nothing(shop: Books) -> None:
    shop.authorize("c1")
    answer = while_another(shop, lambda other: other.run([shop.settlement("c1", 61)]), shop.extension("c1", 300))
    assert answer == Extended(300, final=True)
    assert shop.money() == ("0.8", "0")


def test_a_settle_that_was_done_meanwhile_is_not_done_again(shop: Books) -> None:
    shop.authorize("c1")
    answer = while_another(shop, lambda other: other.run([shop.settlement("c1", 61)]), shop.settlement("c1", 120))
    assert (paid(answer), ended(answer).conflict) == (("0.2", "0"), True)
    assert shop.money() == ("0.8", "0")


def test_a_settle_beyond_its_hold_takes_only_what_nobody_took_meanwhile(shop: Books) -> None:
    shop.authorize("c1")
    answer = while_another(shop, lambda other: other.run([shop.authorization("c2")]), shop.settlement("c1", 600))
    assert paid(answer) == ("0.5", "0.5")
    assert shop.money() == ("0.5", "0.5")


def test_a_settle_that_overtakes_its_authorize_is_found(shop: Books) -> None:
    answer = while_another(shop, lambda other: other.run([shop.settlement("c1", 61)]), shop.authorization("c1"))
    assert refused(answer) is Refusal.ALREADY_ENDED
    assert paid(shop.settle("c1", 61)) == ("0", "0.2")
    assert shop.money() == ("1", "0")


def test_an_authorize_that_overtakes_its_settle_is_found(shop: Books) -> None:
    answer = while_another(shop, lambda other: other.run([shop.authorization("c1")]), shop.settlement("c1", 61))
    assert paid(answer) == ("0.2", "0")
    assert shop.money() == ("0.8", "0")


def test_a_call_that_was_heard_of_meanwhile_does_not_lapse(shop: Books) -> None:
    shop.authorize("c1")
    shop.later(420)
    lapse = Lapse(1, "c1", shop.now, "clock")
    assert while_another(shop, lambda other: other.run([shop.extension("c1", 300)]), lapse) == Done()
    assert shop.call("c1").state is CallState.OPEN
    assert shop.money() == ("1", "1")


def test_a_lot_expires_once_whoever_looks(postgres_books: Books) -> None:
    postgres_books.organization(lot("lot1", "1", NOW), lot("lot2", "1"))
    touch = Touch(1, "", NOW, "clock")
    assert while_another(postgres_books, lambda other: other.run([touch]), touch) == Done()
    assert postgres_books.booked() == {"expire:lot1:3": "-1"}


def test_money_that_came_meanwhile_is_welcome(shop: Books) -> None:
    shop.authorize("c1")
    answer = while_another(shop, lambda other: shop.fund(lot("lot2", "5")), shop.extension("c1", 300))
    assert extended(answer).seconds == 600
    assert shop.money() == ("6", "1")


def test_where_batches_of_one_organization_meet_the_next_ones_wait_instead_of_deciding_twice(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where something is counted of users, and only for a while."""
    books.organization(lot("lot1", "10"), limits='{"fraud": {"concurrent_calls": 99}}')
    books.authorize("c0")
    asked: list[bool] = []
    run = Engine._run

    def watched(engine: Engine, commands: Sequence[Command], locked: bool) -> list[Answer]:
        asked.append(locked)
        if len(asked) == 1:
            raise Conflict("somebody was quicker")
        return run(engine, commands, locked)

    monkeypatch.setattr(Engine, "_run", watched)
    for number in range(LOCKED_AFTER_CONFLICT + 2):
        granted(books.authorize(f"c{number + 1}"))
    assert asked == [False, True, *[True] * LOCKED_AFTER_CONFLICT, False]
