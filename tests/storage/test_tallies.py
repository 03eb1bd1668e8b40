"""What is counted of users begins anew whenever an organization begins to limit something."""

from __future__ import annotations

from sqlalchemy import func, select

from talktime.actions import organizations
from talktime.core.calls import Granted
from talktime.core.limits import FraudLimits, Limits
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from tests.storage.shop import BOSS, Shop


def limit(shop: Shop, concurrent_calls: int | None) -> None:
    limits = Limits(fraud=FraudLimits(concurrent_calls=concurrent_calls))
    shop.database.write(1, organizations.change, 1, {}, limits, BOSS)


def counted(tx: ReadTx) -> int:
    return tx.scalar(select(func.count()).select_from(t.tallies).where(t.tallies.c.org_id == 1)) or 0


def test_a_call_that_ended_while_nothing_was_counted_does_not_count_later(shop: Shop) -> None:
    shop.open(1)
    phone = shop.phone(1)
    limit(shop, 1)
    assert isinstance(phone.authorize("a"), Granted)
    assert shop.database.read(1, counted) == 1

    limit(shop, None)
    assert shop.database.read(1, counted) == 0
    phone.settle("a", 61)
    phone.authorize("b")
    limit(shop, 2)

    assert isinstance(phone.authorize("c"), Granted)
    assert shop.problems() == []


def test_another_number_forgets_nothing(shop: Shop) -> None:
    shop.open(1)
    limit(shop, 1)
    shop.phone(1).authorize("a")
    limit(shop, 2)
    assert shop.database.read(1, counted) == 1
