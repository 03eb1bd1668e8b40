from __future__ import annotations

from uuid import UUID

import pytest

from talktime.core.call_types import CallType
from talktime.core.calls import CallState, Done, Refusal, Settled
from talktime.core.money import micros as usd
from talktime.core.time import DAY, SECOND
from tests.core.paper import Paper
from tests.core.switch import FRANCE, NOW, NOWHERE, TOLL_FREE, ended, lot, paid, parts, refused

LATER = NOW + 2 * 365 * DAY


# --------------------------------------------------------------------------------------------------- settle


@pytest.mark.parametrize(
    ("seconds", "charge", "billed"),
    [(0, "0", 0), (1, "0.1", 60), (60, "0.1", 60), (61, "0.2", 120), (300, "0.5", 300), (301, "0.6", 360)],
)
def test_a_call_is_charged_what_it_lasted_in_whole_increments(seconds: int, charge: str, billed: int) -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    answer = ended(paper.settle("c1", seconds))
    assert (answer.settled.charge, answer.settled.billed_seconds) == (usd(charge), billed)
    assert (answer.settled.shortfall, answer.conflict, answer.refused) == (0, False, None)
    assert paper.money()[1] == "0"


def test_the_one_row_of_a_call_says_who_pays_it() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1", to=FRANCE)
    settled = ended(paper.settle("c1", 61)).settled
    (row,) = settled.rows
    assert (row.payer, row.minutes, row.charge) == ("credits", 2, usd("0.316"))
    assert (settled.connection_fee, settled.billed_seconds) == (usd("0.25"), 66)
    assert UUID(row.usage_id).version == 7


def test_nobody_pays_a_free_call_but_its_time_is_told() -> None:
    paper = Paper()
    paper.authorize("c1", call_type=CallType.USER_IN)
    settled = ended(paper.settle("c1", 61)).settled
    assert [(row.payer, row.minutes, row.charge) for row in settled.rows] == [("none", 2, 0)]
    assert (settled.charge, settled.billed_seconds, paper.booked()) == (0, 61, {})


def test_the_charge_takes_the_lots_in_the_order_they_were_drawn() -> None:
    paper = Paper(lot("lot1", "0.2"), lot("lot2", "10", LATER))
    paper.authorize("c1")
    paper.settle("c1", 180)
    assert paper.postings("settle:c1") == [("lot:lot1", "revenue", "0.2"), ("lot:lot2", "revenue", "0.1")]
    assert parts(paper.call("c1").charged) == {"lot1": "0.2", "lot2": "0.1"}


def test_what_a_switch_reports_beyond_the_hold_is_taken_from_what_is_there_now() -> None:
    paper = Paper(lot("lot1", "0.7"))
    paper.authorize("c1")
    assert paid(paper.settle("c1", 1200)) == ("0.7", "1.3")
    assert paper.postings("settle:c1") == [("lot:lot1", "revenue", "0.7"), ("shortfall", "revenue", "1.3")]
    assert paper.money() == ("0", "0")


def test_what_others_hold_is_not_taken_for_it() -> None:
    paper = Paper(lot("lot1", "1"))
    paper.authorize("c1")
    paper.authorize("c2")
    assert paid(paper.settle("c1", 600)) == ("0.5", "0.5")
    assert paper.money() == ("0.5", "0.5")


def test_the_first_report_counts_and_another_one_is_a_conflict() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    first = ended(paper.settle("c1", 61, "normal"))
    again, other = ended(paper.settle("c1", 61)), ended(paper.settle("c1", 60))
    assert (first.conflict, again.conflict, other.conflict) == (False, False, True)
    assert first.settled == again.settled == other.settled
    assert (paper.call("c1").talked_seconds, paper.call("c1").cause) == (61, "normal")


def test_a_refused_call_that_was_made_all_the_same_is_a_shortfall_as_a_whole() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1", user="nobody")
    answer = ended(paper.settle("c1", 61))
    assert answer.settled == Settled(0, usd("0.2"))
    assert answer.refused is Refusal.NO_LICENCE
    assert paper.money() == ("10", "0")
    assert paper.postings("settle:c1") == [("shortfall", "revenue", "0.2")]


@pytest.mark.parametrize("asked", [{"to": NOWHERE}, {"to": "911"}])
def test_a_refused_call_that_has_no_price_costs_nothing(asked: dict[str, str]) -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1", **asked)
    assert ended(paper.settle("c1", 61)).settled == Settled()
    assert paper.booked() == {}


# --------------------------------------------------------------------------------------------------- in any order


@pytest.mark.parametrize("again", [False, True])
def test_an_end_that_comes_before_its_beginning_is_kept(again: bool) -> None:
    paper = Paper(lot("lot1", "10"))
    assert paid(paper.settle("c1", 61)) == ("0", "0")
    assert refused(paper.authorize("c1")) is Refusal.ALREADY_ENDED
    if again:
        assert refused(paper.authorize("c1")) is Refusal.ALREADY_ENDED
    assert ended(paper.settle("c1", 61)).settled == Settled(0, usd("0.2"))
    assert paper.money() == ("10", "0")


def test_a_release_that_comes_before_its_beginning_is_kept() -> None:
    paper = Paper(lot("lot1", "10"))
    assert paper.release("c1", "busy") == paper.release("c1") == Done()
    assert refused(paper.authorize("c1")) is Refusal.ALREADY_ENDED
    assert paper.call("c1").state is CallState.RELEASED
    assert paid(paper.settle("c1", 61)) == ("0", "0.2")


def test_a_release_and_a_settle_before_the_beginning_are_both_kept() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.release("c1")
    assert paid(paper.settle("c1", 61)) == ("0", "0")
    paper.authorize("c1")
    assert paid(paper.settle("c1", 61)) == ("0", "0.2")


def test_an_unanswered_call_gives_everything_back() -> None:
    paper = Paper(lot("lot1", "0.2"), lot("lot2", "10", LATER))
    paper.authorize("c1")
    paper.release("c1", "busy")
    assert paper.lots() == {"lot1": ("0.2", "0"), "lot2": ("10", "0")}
    assert (paper.call("c1").state, paper.call("c1").cause) == (CallState.RELEASED, "busy")


def test_a_settle_after_a_release_counts() -> None:
    paper = Paper(lot("lot1", "0.5"))
    paper.authorize("c1")
    paper.release("c1")
    assert paid(paper.settle("c1", 420)) == ("0.5", "0.2")


def test_nothing_is_left_for_a_late_settle_is_a_shortfall_without_rows() -> None:
    paper = Paper(lot("lot1", "0.5"))
    paper.authorize("c1")
    paper.release("c1")
    paper.authorize("c2")
    assert ended(paper.settle("c1", 60)).settled == Settled(0, usd("0.1"))


# --------------------------------------------------------------------------------------------------- time is over


def lapsed(*, answered: bool, seconds: int = 10_000) -> Paper:
    paper = Paper(lot("lot1", "0.3"), lot("lot2", "0.4", LATER))
    paper.authorize("c1")
    if answered:
        paper.answered("c1")
    paper.later(seconds)
    paper.lapse("c1")
    return paper


@pytest.mark.parametrize(("seconds", "state"), [(419, CallState.OPEN), (420, CallState.RELEASED)])
def test_a_call_never_answered_is_released_when_its_time_is_over(seconds: int, state: CallState) -> None:
    paper = lapsed(answered=False, seconds=seconds)
    assert paper.call("c1").state is state
    assert paper.money() == ("0.7", "0" if state == "released" else "0.5")


@pytest.mark.parametrize(("seconds", "state"), [(359, CallState.OPEN), (360, CallState.STALE)])
def test_an_answered_call_is_charged_its_grant_a_minute_after_its_end(seconds: int, state: CallState) -> None:
    paper = lapsed(answered=True, seconds=seconds)
    assert paper.call("c1").state is state
    assert paper.booked() == ({"stale:c1": "-0.5"} if state == "stale" else {})


def test_a_call_that_its_switch_has_lost_ends_at_once() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    paper.answered("c1")
    paper.lapse("c1", lost=True)
    assert paper.call("c1").state is CallState.STALE


def test_what_has_ended_lapses_no_more() -> None:
    paper = lapsed(answered=True)
    paper.release("c2")
    before = paper.snapshot()
    assert [paper.lapse(call_id) for call_id in ("c1", "c2", "c3")] == [Done()] * 3
    assert paper.release("c1") == Done()
    assert paper.snapshot() == before


@pytest.mark.parametrize(
    ("seconds", "booked", "lots"),
    [
        (300, {}, {"lot2": ("0.2", "0")}),
        (240, {"settle:c1": "0.1"}, {"lot2": ("0.3", "0")}),
        (120, {"settle:c1": "0.3"}, {"lot1": ("0.1", "0"), "lot2": ("0.4", "0")}),
        (0, {"settle:c1": "0.5"}, {"lot1": ("0.3", "0"), "lot2": ("0.4", "0")}),
        (301, {"settle:c1": "-0.1"}, {"lot2": ("0.1", "0")}),
        (420, {"settle:c1": "-0.2"}, {}),
        (600, {"settle:c1": "-0.2"}, {}),
    ],
)
def test_a_late_settle_books_the_difference_and_gives_back_to_the_lots_charged_last(
    seconds: int, booked: dict[str, str], lots: dict[str, tuple[str, str]]
) -> None:
    paper = lapsed(answered=True)
    answer = ended(paper.settle("c1", seconds))
    assert paper.booked() == {"stale:c1": "-0.5"} | booked
    assert paper.lots() == lots
    assert answer.settled.charge + answer.settled.shortfall == usd("0.1") * -(-seconds // 60)
    assert paper.call("c1").state is CallState.STALE


def test_a_correction_happens_once() -> None:
    paper = lapsed(answered=True)
    first, again, other = (ended(paper.settle("c1", seconds)) for seconds in (120, 120, 60))
    assert (first.conflict, again.conflict, other.conflict) == (False, False, True)
    assert first.settled == again.settled == other.settled
    assert paper.money() == ("0.5", "0")


def test_a_correction_gives_back_to_a_lot_that_was_spent_to_its_end() -> None:
    paper = Paper(lot("lot1", "0.5"))
    paper.authorize("c1")
    paper.answered("c1")
    paper.lapse("c1", lost=True)
    assert paper.lots() == {}
    assert paid(paper.settle("c1", 60)) == ("0.1", "0")
    assert paper.lots() == {"lot1": ("0.4", "0")}
    assert refused(paper.authorize("c2", user="nobody")) is Refusal.NO_LICENCE
    assert paper.authorize("c3") == paper.authorize("c3")


# --------------------------------------------------------------------------------------------------- lots that end


def test_a_hold_survives_the_end_of_its_lot_and_what_comes_back_expires_at_once() -> None:
    paper = Paper(lot("lot1", "0.5", NOW + 60 * SECOND), lot("lot2", "1", LATER))
    paper.authorize("c1")
    paper.later(60)
    assert paid(paper.settle("c1", 61)) == ("0.2", "0")
    assert paper.booked() == {"expire:lot1:3": "-0.3", "settle:c1": "-0.2"}
    assert paper.lots() == {"lot2": ("1", "0")}


def test_a_correction_into_an_ended_lot_expires_at_once() -> None:
    paper = Paper(lot("lot1", "0.6", NOW + 60 * SECOND))
    paper.authorize("c1")
    paper.authorize("c2", requested_seconds=60)
    paper.answered("c1")
    paper.later(400)
    paper.lapse("c1")
    paper.settle("c1", 60)
    assert paper.booked() == {"stale:c1": "-0.5", "settle:c1": "0.4", "expire:lot1:4": "-0.4"}
    assert paper.lots() == {"lot1": ("0.1", "0.1")}


def test_a_correction_into_a_lot_that_has_gone_expires_with_the_next_touch() -> None:
    paper = Paper(lot("lot1", "0.5", NOW + 60 * SECOND))
    paper.authorize("c1")
    paper.answered("c1")
    paper.later(400)
    paper.lapse("c1")
    paper.settle("c1", 60)
    assert refused(paper.authorize("c2")) is Refusal.NO_BALANCE
    paper.touch()
    assert paper.money() == ("0", "0")


# --------------------------------------------------------------------------------------------------- our own numbers


@pytest.mark.parametrize(
    ("call_type", "to", "charge"),
    [
        (CallType.UCAP_IN, TOLL_FREE, "0.04"),
        (CallType.UCAP_IN, "+442079460117", "0"),
        (CallType.CONF_IN, "+448715550117", "0.02"),
        (CallType.CONF_OUT, "+442079460117", "0.1"),
        (CallType.UCAP_OUT, "+448005550117", "0.1"),
    ],
)
def test_each_type_of_call_has_its_own_prices(call_type: CallType, to: str, charge: str) -> None:
    paper = Paper(lot("lot1", "10"))
    paper.toll_free = frozenset({(1, TOLL_FREE)})
    paper.authorize("c1", call_type=call_type, to=to)
    assert paid(paper.settle("c1", 60)) == (charge, "0")
