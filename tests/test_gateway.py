"""Q7 and Q8, the fast part: what a gateway does wrong, in every flow, with crashes. The long one:
`python -m tests.gateway`, `python -m tests.gateway.orders`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.bank import Fault
from tests.gateway.bugs import BUGS
from tests.gateway.flows import FLOWS
from tests.gateway.runs import caught_after, combinations, on_postgres, on_sqlite, quiet, run
from tests.support.postgres import Cluster


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.slow
def test_whatever_the_gateway_does_nothing_is_charged_twice_and_nothing_is_missing() -> None:
    figures = run(1_900, 1, on_sqlite)
    print(figures)
    assert figures.findings == []
    assert figures.scenarios >= 1_900
    # A gateway that takes nothing and a product that never dies would be sound as well.
    assert figures.charges > 1_000
    assert figures.crashes > 900


@pytest.mark.slow
def test_and_neither_on_postgresql(postgres: Cluster) -> None:
    figures = run(100, 2, lambda: on_postgres(postgres))
    print(figures)
    assert figures.findings == []


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_that_loses_or_doubles_money_is_caught(bug: str) -> None:
    assert caught_after(bug) is not None


def test_every_fault_meets_every_way_to_pay() -> None:
    played = {(one.flow, one.fault) for one in combinations()}
    for flow in ("top-up", "recharge", "recharge with a backup", "settings saved while below", "retry after a pause"):
        assert {fault for name, fault in played if name == flow} == set(Fault)
    assert {name for name, _ in played} == set(FLOWS)
