"""`verify` finds what is planted among the payments of a company that has paid in every way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest

from talktime.storage.verify import verify
from tests.charging.books import Books, Empty
from tests.storage.company import found_company
from tests.support.postgres import Cluster
from tests.test_verify import Damage, found_after, told


@pytest.fixture(scope="module")
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    folder = tmp_path_factory.mktemp("empty")
    with closing(Empty(folder, lambda: cast(Cluster, request.getfixturevalue("postgres")))) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def company(request: pytest.FixtureRequest, empty: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """What a test plants is undone by it."""
    with empty.books_on(request.param, tmp_path_factory.mktemp("company")) as made:
        found_company(made.database, made.store)
        yield made


def payment(name: str, change: str) -> list[str]:
    return [f"UPDATE payments SET {change} WHERE org_id = 1 AND payment_id = '{name}'"]


A_RECHARGE = """INSERT INTO payments (org_id, payment_id, kind, state, amount_micros, currency, provider, asked_by,
created_at, due_at) VALUES (1, 'pay_{}', 'recharge', 'pending', 1, 'USD', 'simulator', 'x', 1, 1)"""
DAMAGE = {
    "credited though it failed": Damage("I6", "is failed, and its money", payment("pay_a", "state = 'failed'")),
    "never credited": Damage("I6", "was not credited", payment("pay_b", "state = 'succeeded'")),
    "another amount": Damage("I6", "payment pay_a: top_up of 61000000", payment("pay_a", "amount_micros = 61000000")),
    "another kind": Damage("I6", "payment pay_a: recharge of", payment("pay_a", "kind = 'recharge'")),
    "another lot": Damage(
        "I6", "its lot began with 1", ["UPDATE lots SET amount_micros = 1 WHERE org_id = 1 AND lot_id = 'lot_a'"]
    ),
    "no payment of it": Damage(
        "I6", "there is no such payment", ["DELETE FROM payments WHERE org_id = 1 AND payment_id = 'pay_a'"]
    ),
    "refunded more": Damage("I6", "were given back, and its refunds", payment("pay_a", "refunded_micros = 7")),
    "a refund of nothing": Damage(
        "I6", "refunds of pay_x", ["UPDATE refunds SET payment_id = 'pay_x' WHERE org_id = 1"]
    ),
    "a lost dispute": Damage("I6", "nothing was clawed back", payment("pay_a", "dispute = 'lost'")),
    "forgotten": Damage("I19", "nobody will look after it", payment("pay_b", "state = 'pending', due_at = NULL")),
    "two recharges": Damage(
        "I7", "recharges are in flight", ["DROP INDEX payments_recharging", A_RECHARGE.format(1), A_RECHARGE.format(2)]
    ),
    "no recharge on its way": Damage(
        "I7",
        "no recharge is on its way",
        [
            "DELETE FROM payments WHERE org_id = 1 AND kind = 'recharge'",
            "UPDATE recharges SET state = 'charging' WHERE org_id = 1",
        ],
    ),
    "nobody looks": Damage(
        "I19", "nobody will look at it", ["UPDATE recharges SET state = 'retrying', look_at = NULL WHERE org_id = 1"]
    ),
}


def test_what_is_sound_is_found_sound(company: Books) -> None:
    assert verify(company.database).findings == []


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(company: Books, request: pytest.FixtureRequest, name: str) -> None:
    planted = DAMAGE[name]
    report = found_after(company, lambda: cast(Cluster, request.getfixturevalue("postgres")), planted.statements)
    assert told(report, planted), report.findings
