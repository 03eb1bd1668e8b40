"""Q7 and Q8, the fast part: what a gateway does wrong, in every flow, with crashes. The long one:
`python -m tests.gateway`, `python -m tests.gateway.orders`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway import lives, mails, orders
from tests.gateway.bank import Fault
from tests.gateway.bugs import BUGS
from tests.gateway.disorder import DISORDER, caught
from tests.gateway.flows import FLOWS
from tests.gateway.runs import caught_after, combinations, on_postgres, on_sqlite, quiet, run
from tests.support.postgres import Cluster


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.slow
def test_whatever_the_gateway_does_nothing_is_charged_twice_and_nothing_is_missing() -> None:
    figures = run(500, 1, on_sqlite)
    print(figures)
    assert figures.findings == []
    assert figures.scenarios >= 500
    # A gateway that takes nothing and a product that never dies would be sound as well.
    assert figures.charges > 250
    assert figures.crashes >= 250


@pytest.mark.slow
def test_and_neither_on_postgresql(postgres: Cluster) -> None:
    figures = run(30, 2, lambda: on_postgres(postgres))
    print(figures)
    assert figures.findings == []


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_that_loses_or_doubles_money_is_caught(bug: str) -> None:
    assert caught_after(bug) is not None


@pytest.mark.slow
def test_number_and_order_of_messages_do_not_matter() -> None:
    figures = orders.run(iter(orders.some(150, 1)), on_sqlite)
    print(figures)
    assert figures.findings == []
    # Told of a refund, or not.
    assert [len(ends) for ends in figures.ends.values()] == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("bug", DISORDER)
def test_a_bug_by_which_the_order_would_matter_is_caught(bug: str) -> None:
    assert caught(bug).findings != []


@pytest.mark.slow
def test_whole_lives_end_with_books_that_fit_the_providers() -> None:
    figures, trace = lives.run(15, 1)
    print(figures, trace)
    assert figures.findings == []
    assert figures.crashes > 15


@pytest.mark.slow
def test_every_notice_of_a_life_reaches_its_people_under_one_name() -> None:
    figures, letters = mails.run(5, 1)
    assert figures.findings == []
    assert figures.crashes > 5
    assert letters > 40


@pytest.mark.prove
@pytest.mark.parametrize("mistake", mails.MISTAKES)
def test_a_mistake_with_mail_shows_in_the_first_fifty_lives(mistake: str) -> None:
    assert mails.caught_at(mistake) is not None


@pytest.mark.slow
def test_the_same_number_makes_the_same_life() -> None:
    assert lives.run(5, 7)[1] == lives.run(5, 7)[1] != lives.run(5, 8)[1]


@pytest.mark.prove
@pytest.mark.parametrize("bug", lives.CAUGHT)
def test_a_bug_shows_in_the_first_fifty_lives(bug: str) -> None:
    assert lives.caught_at(bug) is not None


def test_every_order_of_every_set_has_its_turn() -> None:
    every = list(orders.posts())
    five = [post for post in every if post.copies == (1, 1, 1, 1, 1)]
    assert (len(five), len({post.order for post in five})) == (240, 120)
    assert len({post.bag for post in every}) == 3**5


def test_every_fault_meets_every_way_to_pay() -> None:
    played = {(one.flow, one.fault) for one in combinations()}
    for flow in ("top-up", "recharge", "recharge with a backup", "settings saved while below", "retry after a pause"):
        assert {fault for name, fault in played if name == flow} == set(Fault)
    assert {name for name, _ in played} == set(FLOWS)
