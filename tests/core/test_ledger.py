from __future__ import annotations

import pytest

from talktime.core.ledger import DEBT, EXPIRED, REVENUE, Posting, from_lots, lot_book, to_lots
from talktime.core.lots import Part


@pytest.mark.parametrize("amount", [0, -1])
def test_a_posting_moves_more_than_nothing(amount: int) -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        Posting(DEBT, REVENUE, amount)


def test_a_posting_needs_two_books() -> None:
    with pytest.raises(ValueError, match="two books"):
        Posting(EXPIRED, EXPIRED, 1)


def test_what_lots_pay_leaves_each_for_the_book_and_what_comes_back_returns_to_each() -> None:
    drawn = (Part("a", 3), Part("b", 4))
    assert from_lots(drawn, REVENUE) == [Posting("lot:a", REVENUE, 3), Posting("lot:b", REVENUE, 4)]
    assert to_lots(drawn, REVENUE) == [Posting(REVENUE, "lot:a", 3), Posting(REVENUE, "lot:b", 4)]
    assert lot_book("a") == "lot:a"
