from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talktime.core.call_types import NOBODY_PAYS, CallType
from talktime.core.calls import Conflicting, Done, Extended, Granted, Refusal, Refused
from talktime.core.money import decimal
from talktime.core.money import micros as usd
from talktime.core.prices import Row
from talktime.core.rates import price
from talktime.core.time import SECOND
from talktime.core.usage import Payer
from tests.core.paper import Paper
from tests.core.switch import FRANCE, FRANCE_RATE, GERMANY, NOW, NOWHERE, UK_RATE, extended, granted, lot, parts, priced
from tests.core.switch import refused as reason_of

# --------------------------------------------------------------------------------------------------- the first slice


def test_a_call_begins_with_a_slice_whose_price_is_held() -> None:
    paper = Paper(lot("lot1", "10"))
    assert paper.authorize("c1") == Granted(
        300, False, 240, NOW + 420 * SECOND, usd("0.5"), UK_RATE, "USD", capability="MCOPSTNPP"
    )
    assert paper.money() == ("10", "0.5")


@pytest.mark.parametrize(
    ("funds", "slice_seconds", "asked", "seconds", "final"),
    [
        ("10", 300, {}, 300, False),
        ("0.5", 300, {}, 300, False),
        ("0.4999", 300, {}, 240, True),
        ("0.1", 300, {}, 60, True),
        ("10", 299, {}, 240, False),
        ("10", 30, {}, 60, False),
        ("10", 300, {"requested_seconds": 300}, 300, False),
        ("10", 300, {"requested_seconds": 900}, 300, False),
        ("10", 300, {"requested_seconds": 299}, 240, True),
        ("10", 300, {"requested_seconds": 1}, 60, True),
        ("10", 300, {"to": GERMANY}, 300, False),
        ("0.28", 300, {"to": FRANCE}, 30, True),
        ("10", 300, {"to": FRANCE}, 300, False),
        ("10", 299, {"to": FRANCE}, 294, False),
    ],
)
def test_a_slice_is_whole_increments_as_far_as_money_and_wish_go(
    funds: str, slice_seconds: int, asked: dict[str, Any], seconds: int, final: bool
) -> None:
    paper = Paper(lot("lot1", funds), slice_seconds=slice_seconds)
    answer = granted(paper.authorize("c1", **asked))
    assert (answer.seconds, answer.final) == (seconds, final)


@pytest.mark.parametrize(("max_call_seconds", "seconds"), [(300, 300), (200, 180), (20, 60)])
def test_a_slice_that_reaches_the_longest_call_is_final(max_call_seconds: int, seconds: int) -> None:
    answer = granted(Paper(lot("lot1", "10"), max_call_seconds=max_call_seconds).authorize("c1"))
    assert (answer.seconds, answer.final) == (seconds, True)


@pytest.mark.parametrize("call_type", sorted(NOBODY_PAYS))
def test_a_call_that_nobody_pays_gets_its_slice_and_holds_nothing(call_type: CallType) -> None:
    paper = Paper(credits_set_up=False)
    answer = granted(paper.authorize("c1", call_type=call_type, to=NOWHERE))
    assert (answer.seconds, answer.final, answer.expires_at) == (300, False, NOW + 420 * SECOND)
    assert (answer.payer, answer.held, answer.rate) == (Payer.NONE, 0, None)
    assert extended(paper.extend("c1", 300)).seconds == 600
    assert paper.money() == ("0", "0")


def test_a_refused_call_holds_nothing_and_keeps_the_rate_it_would_have_had() -> None:
    paper = Paper(lot("lot1", "0.05"))
    assert paper.authorize("c1") == Refused(Refusal.NO_BALANCE, UK_RATE)
    assert paper.money() == ("0.05", "0")


@pytest.mark.parametrize("to", ["442079460117", "0044207946", "911", ""])
def test_a_number_that_is_none_has_no_price_either(to: str) -> None:
    assert Paper(lot("lot1", "10")).authorize("c1", to=to) == Refused(Refusal.INVALID_NUMBER, None)


def test_the_same_request_again_has_the_same_answer_whatever_has_happened() -> None:
    paper = Paper(lot("lot1", "0.5"))
    first, other = paper.authorize("c1"), paper.authorize("c2")
    paper.later(10)
    assert paper.authorize("c1") == first
    paper.settle("c1", 60)
    assert paper.authorize("c1") == first
    assert paper.authorize("c2") == other == Refused(Refusal.NO_BALANCE, UK_RATE)
    assert paper.authorize("c1", to=FRANCE) == Conflicting("to")


# --------------------------------------------------------------------------------------------------- more slices


def test_a_call_goes_on_by_a_slice_at_a_time() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    paper.later(240)
    assert paper.extend("c1", 300) == Extended(600, False, 540, NOW + (240 + 600 + 60) * SECOND)
    paper.later(300)
    assert paper.extend("c1", 600) == Extended(900, False, 840, NOW + (240 + 900 + 60) * SECOND)
    assert paper.money() == ("10", "1.5")


def test_the_newest_total_again_has_the_same_answer_and_an_older_one_the_present_total() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    answer = paper.extend("c1", 300)
    paper.later(1)
    assert paper.extend("c1", 300) == paper.extend("c1", 60) == answer
    assert paper.money() == ("10", "1")


def test_a_total_that_was_never_granted_is_a_conflict_and_changes_nothing() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    before = paper.snapshot()
    assert paper.extend("c1", 301) == Conflicting("granted_seconds")
    assert paper.snapshot() == before


def test_when_money_runs_out_the_last_slice_is_cut_and_final_until_more_comes() -> None:
    paper = Paper(lot("lot1", "0.75"))
    paper.authorize("c1")
    assert extended(paper.extend("c1", 300)) == Extended(420, True, 396, NOW + 480 * SECOND)
    assert extended(paper.extend("c1", 420)) == Extended(420, True, 396, NOW + 480 * SECOND)
    paper.fund(lot("lot2", "10"))
    assert extended(paper.extend("c1", 420)) == Extended(720, False, 660, NOW + 780 * SECOND)


def test_a_full_slice_is_not_final_though_nothing_is_left_beyond_it() -> None:
    paper = Paper(lot("lot1", "0.5"))
    assert not granted(paper.authorize("c1")).final
    assert extended(paper.extend("c1", 300)).final


def test_no_call_is_longer_than_the_longest() -> None:
    paper = Paper(lot("lot1", "100"), max_call_seconds=700)
    paper.authorize("c1")
    assert [extended(paper.extend("c1", total)).seconds for total in (300, 600, 660)] == [600, 660, 660]
    assert extended(paper.extend("c1", 660)).final


@pytest.mark.parametrize("slice_seconds", [1, 30, 90])
def test_a_slice_shorter_than_an_increment_still_brings_one_increment_more(slice_seconds: int) -> None:
    paper = Paper(lot("lot1", "10"), slice_seconds=slice_seconds)
    paper.authorize("c1")
    assert [extended(paper.extend("c1", total)).seconds for total in (60, 120)] == [120, 180]


def test_debt_that_came_meanwhile_ends_a_call_with_what_it_holds() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    paper.owe("10")
    answer = extended(paper.extend("c1", 300))
    assert (answer.seconds, answer.final) == (300, True)


@pytest.mark.parametrize("end", ["settle", "release", "refuse", "nothing"])
def test_a_call_that_is_not_open_is_told_its_total_and_no_more(end: str) -> None:
    paper = Paper(lot("lot1", "10"))
    if end != "nothing":
        paper.authorize("c1", **({"user": "nobody"} if end == "refuse" else {}))
    if end == "settle":
        paper.settle("c1", 10)
    if end == "release":
        paper.release("c1")
    total = 300 if end in ("settle", "release") else 0
    assert paper.extend("c1", 5000) == Extended(total, final=True)


# --------------------------------------------------------------------------------------------------- answered


def test_the_grant_runs_from_the_answer() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    paper.later(20)
    assert paper.answered("c1") == Done()
    assert paper.call("c1").due_at == NOW + (20 + 300 + 60) * SECOND


@pytest.mark.parametrize(("said", "counts"), [(-50, 0), (0, 0), (5, 5), (20, 20), (90, 20)])
def test_an_answer_is_between_the_beginning_and_now(said: int, counts: int) -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    paper.later(20)
    paper.answered("c1", NOW + said * SECOND)
    assert paper.call("c1").answered_at == NOW + counts * SECOND


def test_the_first_word_about_the_answer_counts() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    paper.extend("c1", 300)
    paper.later(20)
    paper.answered("c1", NOW + 15 * SECOND)
    assert (paper.call("c1").answered_at, paper.call("c1").heard_at) == (NOW, paper.now)


def test_the_answer_of_an_unknown_or_ended_call_is_forgotten() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c2")
    paper.release("c2")
    before = paper.snapshot()
    assert (paper.answered("c1"), paper.answered("c2")) == (Done(), Done())
    assert paper.snapshot() == before


# --------------------------------------------------------------------------------------------------- whatever comes

rows = st.builds(
    Row,
    st.just("44"),
    st.just("somewhere"),
    per_minute=st.integers(0, 3_000_000),
    connection_fee=st.sampled_from([0, 0, 250_000]),
    initial_seconds=st.integers(1, 90),
    step_seconds=st.integers(1, 90),
)
lots = st.lists(st.integers(1, 9_000_000), min_size=1, max_size=3)


@given(rows, lots, st.integers(10, 400), st.integers(1, 6))
@settings(max_examples=150)
def test_a_hold_that_grew_slice_by_slice_is_the_price_of_the_whole(
    row: Row, funds: list[int], slice_seconds: int, times: int
) -> None:
    made = [lot(f"lot{n}", decimal(amount)) for n, amount in enumerate(funds)]
    paper = Paper(*made, prices=priced(row), slice_seconds=slice_seconds)
    answer = paper.authorize("c1")
    if isinstance(answer, Refused):
        assert price(answer.rate, row.initial_seconds) > sum(funds) if answer.rate else False
        return
    seconds = granted(answer).seconds
    for _ in range(times):
        seconds = extended(paper.extend("c1", seconds)).seconds
        held = sum(part.amount for part in paper.call("c1").drawn)
        assert held == price(paper.call("c1").rate, seconds) <= sum(funds)
    paper.settle("c1", seconds)
    assert paper.money() == (decimal(sum(funds) - held), "0")


def test_a_hold_draws_on_in_the_order_of_the_lots() -> None:
    paper = Paper(lot("lot1", "0.7"), lot("lot2", "1", NOW + 2 * 366 * 86_400 * SECOND))
    paper.authorize("c1", to=FRANCE)
    assert parts(paper.call("c1").drawn) == {"lot1": "0.55"}
    paper.extend("c1", 300)
    assert parts(paper.call("c1").drawn) == {"lot1": "0.7", "lot2": "0.15"}
    assert paper.call("c1").rate == FRANCE_RATE


def test_whom_nobody_knows_may_not_call() -> None:
    paper = Paper(lot("lot1", "10"))
    assert reason_of(paper.authorize("c1", user="nobody")) is Refusal.NO_LICENCE
    assert reason_of(paper.authorize("c2", user=None)) is Refusal.NO_LICENCE
