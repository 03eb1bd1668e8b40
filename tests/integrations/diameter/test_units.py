"""Totals of the platform and pieces of the client are the same seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from talktime.integrations.diameter.units import Credit, Piece, remembered

seconds = st.integers(0, 1_000_000)


def test_the_first_piece_is_the_first_grant() -> None:
    assert Credit(300, ask_after=240).piece == Piece(300, final=False)


def test_a_piece_is_what_is_left_of_the_total() -> None:
    credit = Credit(300, ask_after=240).reported(250)
    assert credit.wants_more
    assert credit.grown(600, False, 540).piece == Piece(350, final=False)


def test_an_early_report_asks_for_nothing() -> None:
    credit = Credit(300, ask_after=240).reported(30)
    assert not credit.wants_more
    assert credit.piece.seconds == 270


def test_what_is_final_is_asked_for_again_since_money_may_have_come() -> None:
    assert Credit(120, final=True, ask_after=120).wants_more


def test_a_piece_is_valid_for_longer_than_it_lasts() -> None:
    assert Piece(60, final=False).valid_seconds > 60


def test_an_emergency_call_is_never_at_its_end() -> None:
    piece = Credit(300, used=300, final=True, emergency=True).piece
    assert piece.seconds > 0
    assert not piece.final


def test_after_a_restart_the_time_since_the_answer_is_what_was_used() -> None:
    assert remembered(300, False, talked=200.9, reported=50).reported(50).left == 100


def test_a_call_that_nobody_has_answered_has_used_nothing_before() -> None:
    assert remembered(300, False, talked=None, reported=40).reported(40).left == 260


@given(seconds, seconds, st.lists(st.integers(0, 1000), max_size=20))
def test_pieces_never_reach_beyond_the_total(granted: int, ask_after: int, reports: list[int]) -> None:
    credit = Credit(granted, ask_after=ask_after)
    for one in reports:
        credit = credit.reported(one)
        assert min(credit.used, granted) + credit.piece.seconds <= granted
    assert credit.used == sum(reports)


@given(seconds, st.none() | st.floats(-1e9, 1e9), seconds)
def test_what_is_remembered_lies_within_the_grant(granted: int, talked: float | None, reported: int) -> None:
    credit = remembered(granted, False, talked, reported)
    assert 0 <= credit.used <= granted
    assert credit.wants_more
