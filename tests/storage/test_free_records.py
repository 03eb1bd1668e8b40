"""A call that nobody pays is reported like any other."""

from __future__ import annotations

from talktime.core.call_types import CallType
from talktime.core.calls import Ended
from tests.storage.shop import Shop


def test_a_call_that_is_recorded_and_costs_nothing_has_its_usage_row(shop: Shop) -> None:
    shop.open(1)
    ended = shop.phone(1).record("c1", 30, call_type=CallType.DR_EMERGENCY_OUT)
    assert isinstance(ended, Ended)
    assert len(ended.settled.rows) == 1
    assert shop.problems() == []
