"""The fast part of `python -m tests.moving`: lives by chance, and that what is left behind is noticed."""

from __future__ import annotations

import pytest

from tests.moving.__main__ import broken, moves
from tests.support.postgres import Cluster

pytestmark = pytest.mark.slow


def test_an_organization_that_comes_back_gives_the_answers_that_it_gave(postgres: Cluster) -> None:
    moved = moves(postgres, 2, seed=7)
    assert moved.rows > 0
    assert moved.differences == []


def test_cards_that_are_left_behind_are_noticed(postgres: Cluster) -> None:
    assert "0: /v1/payment-methods" in broken(postgres, 1, seed=7).differences
