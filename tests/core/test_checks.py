from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from msgspec.structs import replace

from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Refusal
from talktime.core.checks import Question, outcomes, refusal
from talktime.core.money import micros as usd
from talktime.core.organizations import Account, User
from talktime.core.rates import Rate
from tests.core.switch import FRANCE_RATE, UK, UK_RATE

FINE = Question(Asked(CallType.USER_OUT, UK, "ann"), Account("USD", []), User("usr_1"), UK_RATE, usd("10"))

# In the order of the checks. Each spoils one thing.
SPOILED: dict[Refusal, dict[str, Any]] = {
    Refusal.ORGANIZATION_CLOSED: {"account": {"closed": True}},
    Refusal.INVALID_NUMBER: {"asked": {"to": "442079460117"}},
    Refusal.NO_LICENCE: {"user": None},
    Refusal.NO_RATE: {"rate": None},
    Refusal.CREDITS_NOT_SET_UP: {"account": {"credits_set_up": False}},
    Refusal.NO_BALANCE: {"available": 0},
}
OF_MONEY = (Refusal.NO_RATE, Refusal.CREDITS_NOT_SET_UP, Refusal.NO_BALANCE)


def spoiled(question: Question, *reasons: Refusal) -> Question:
    for reason in reasons:
        for name, how in SPOILED[reason].items():
            how = replace(getattr(question, name), **how) if isinstance(how, dict) else how
            question = replace(question, **{name: how})
    return question


def asked_as(call_type: CallType, **fields: Any) -> Question:
    return replace(FINE, asked=Asked(call_type, UK, **fields))


def test_where_every_check_holds_the_call_may_go_on() -> None:
    assert refusal(FINE) is None


def test_every_reason_of_a_check_is_tried_here() -> None:
    assert set(SPOILED) | {Refusal.ALREADY_ENDED} == set(Refusal)


@pytest.mark.parametrize("reason", list(SPOILED))
def test_each_check_refuses_with_its_own_reason(reason: Refusal) -> None:
    assert refusal(spoiled(FINE, reason)) is reason


@pytest.mark.parametrize(("earlier", "later"), list(combinations(SPOILED, 2)))
def test_the_first_check_that_fails_gives_the_reason(earlier: Refusal, later: Refusal) -> None:
    assert refusal(spoiled(FINE, later, earlier)) is earlier


@pytest.mark.parametrize("call_type", [CallType.USER_IN, CallType.UNASSIGNED_IN, CallType.DR_OUT, CallType.DR_IN_BOT])
def test_a_call_that_nobody_pays_is_not_asked_about_money(call_type: CallType) -> None:
    assert refusal(spoiled(asked_as(call_type), *OF_MONEY)) is None
    assert refusal(spoiled(asked_as(call_type), Refusal.ORGANIZATION_CLOSED)) is Refusal.ORGANIZATION_CLOSED


@pytest.mark.parametrize("call_type", [CallType.UCAP_IN, CallType.UNASSIGNED_IN, CallType.DR_OUT])
def test_a_call_for_which_nobody_is_responsible_needs_no_user(call_type: CallType) -> None:
    assert refusal(replace(asked_as(call_type), user=None)) is None


@pytest.mark.parametrize("call_type", [CallType.USER_IN, CallType.CONF_IN, CallType.UCAP_OUT, CallType.USER_OUT_CONF])
def test_all_other_calls_need_somebody_known(call_type: CallType) -> None:
    assert refusal(replace(asked_as(call_type), user=None)) is Refusal.NO_LICENCE


@pytest.mark.parametrize(
    ("rate", "available", "may"),
    [
        (UK_RATE, "0.1", True),
        (UK_RATE, "0.0999", False),
        (UK_RATE, "-5", False),
        (FRANCE_RATE, "0.28", True),
        (FRANCE_RATE, "0.279999", False),
        (Rate("49", "Germany", 0), "0.000001", True),
        (Rate("49", "Germany", 0), "0", False),
    ],
)
def test_the_fee_and_the_first_increment_must_be_there_and_something_even_for_nothing(
    rate: Rate, available: str, may: bool
) -> None:
    assert refusal(replace(FINE, rate=rate, available=usd(available))) is (None if may else Refusal.NO_BALANCE)


# --------------------------------------------------------------------------------------------------- the story

NAMES = ["is_open_for_calls", "is_usable_number", "is_known_user", "has_price", "has_credits", "is_covered"]


def test_the_story_of_a_granted_call_tells_that_every_check_passed() -> None:
    assert outcomes(FINE.asked, None) == [(name, "passed") for name in NAMES]


@pytest.mark.parametrize("place", range(len(NAMES)))
def test_the_story_of_a_refused_call_ends_with_the_check_that_failed(place: int) -> None:
    reason = list(SPOILED)[place]
    assert outcomes(FINE.asked, reason) == [*((name, "passed") for name in NAMES[:place]), (NAMES[place], reason.value)]


def test_the_story_of_a_call_that_nobody_pays_has_no_checks_of_money() -> None:
    assert outcomes(Asked(CallType.USER_IN, UK), None) == [(name, "passed") for name in NAMES[:3]]


def test_the_story_of_a_call_whose_end_came_first_says_so() -> None:
    assert outcomes(FINE.asked, Refusal.ALREADY_ENDED) == [("has_not_ended", "already_ended")]
