"""A file is booked as its calls would have been, one by one, through /v1/calls/record: to the micro and the minute."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from talktime.core.ledger import SHORTFALL
from talktime.core.lots import Lot
from tests.charging.books import Books
from tests.core.switch import NOW, lot
from tests.posting.world import ONE, OTHER, World, calls

NOT_BOOKED = ("invalid_number", "no_rate")


def agree(world: World, seed: int, number: int) -> None:
    made = calls(Random(seed), number)
    world.record(made)
    summary = world.post(made)
    recorded, posted = world.state(ONE), world.state(OTHER)
    # Of what was never answered nothing is kept.
    recorded["refused"] = [one for one in recorded["refused"] if one[1] not in NOT_BOOKED and one[4].duration_seconds]
    for name, expected in recorded.items():
        assert posted[name] == expected, name
    assert world.findings() == []
    assert summary.records == number
    assert int(summary.shortfall.scaleb(6)) == -posted["books"].get(SHORTFALL, 0)


NO_LOTS: list[Lot] = []
RULES: tuple[dict[str, Any], ...] = (
    {},
    {"lots": [lot("lot1", "2"), lot("lot2", "1", NOW - 1), lot("lot3", "1.005", priority=1)]},
    {"time_zone": "America/St_Johns", "policy": "DialoutCPCandPSTNDomestic", "guard": {"premium": False}},
    {"billing_account": "postpaid"},
    {"debt": "3"},
    {"credits_set_up": False, "lots": NO_LOTS},
    {"lots": [lot("lot1", "900000000")], "guard": {"international": False}},
    {"state": "closed"},
)


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: " ".join(rules) or "usual")
def test_a_file_by_chance_is_booked_as_its_calls_are_one_by_one(
    books: Books, tmp_path: Path, rules: dict[str, Any]
) -> None:
    agree(World(books, tmp_path, **rules), seed=len(str(rules)), number=500)
