from __future__ import annotations

from typing import Any

import pytest

from talktime.core.call_types import CallType
from talktime.core.calls import Conflicting, Extended, Refusal, Settled
from talktime.core.money import micros as usd
from talktime.core.time import DAY, SECOND
from tests.core.paper import Paper
from tests.core.switch import NOW, NOWHERE, ROWS, ended, lot, paid, priced


def test_a_call_that_nobody_authorized_is_charged_by_the_same_rules() -> None:
    paper = Paper(lot("lot1", "10"))
    answer = ended(paper.record("c1", 61, NOW - 3600 * SECOND))
    assert (answer.settled.charge, answer.settled.shortfall, answer.refused) == (usd("0.2"), 0, None)
    assert paper.money() == ("9.8", "0")
    assert paper.call("c1").opened_at == NOW - 3600 * SECOND


@pytest.mark.parametrize(
    ("rules", "asked", "reason", "shortfall"),
    [
        ({"closed": True}, {}, Refusal.ORGANIZATION_CLOSED, "0.2"),
        ({}, {"to": "911"}, Refusal.INVALID_NUMBER, "0"),
        ({}, {"user": "nobody"}, Refusal.NO_LICENCE, "0.2"),
        ({}, {"to": NOWHERE}, Refusal.NO_RATE, "0"),
        ({"credits_set_up": False}, {}, Refusal.CREDITS_NOT_SET_UP, "0.2"),
    ],
)
def test_what_the_rules_would_have_refused_is_a_shortfall_as_a_whole(
    rules: dict[str, Any], asked: dict[str, Any], reason: Refusal, shortfall: str
) -> None:
    paper = Paper(lot("lot1", "10"), **rules)
    answer = ended(paper.record("c1", 61, **asked))
    assert (answer.refused, answer.settled) == (reason, Settled(0, usd(shortfall)))
    assert paper.money() == ("10", "0")


def test_without_a_balance_it_is_a_shortfall_as_a_whole() -> None:
    answer = ended(Paper().record("c1", 61))
    assert (answer.refused, answer.settled) == (Refusal.NO_BALANCE, Settled(0, usd("0.2")))


def test_what_is_not_covered_is_a_shortfall() -> None:
    paper = Paper(lot("lot1", "0.15"))
    answer = paper.record("c1", 61)
    assert paid(answer) == ("0.15", "0.05")
    assert [row.charge for row in ended(answer).settled.rows] == [usd("0.15")]


def test_it_is_rated_whole_however_long_it_was() -> None:
    assert paid(Paper(lot("lot1", "100")).record("c1", 86_400)) == ("100", "44")


def test_it_costs_what_it_cost_when_it_began() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.prices = priced(ROWS[0], type(ROWS[0])("44", "now", usd("9"), valid_from=NOW - DAY))
    assert paid(paper.record("c1", 60, NOW - 2 * DAY)) == ("0.1", "0")
    assert paid(paper.record("c2", 60, NOW - DAY)) == ("9", "0")


def test_the_same_record_again_has_the_same_answer() -> None:
    paper = Paper(lot("lot1", "10"))
    first = ended(paper.record("c1", 61, NOW))
    paper.later(5)
    assert ended(paper.record("c1", 61, NOW)) == first


@pytest.mark.parametrize(
    ("field", "again"),
    [
        ("duration_seconds", {"seconds": 60}),
        ("started_at", {"started_at": NOW - 1}),
        ("to", {"to": NOWHERE}),
        ("call_type", {"call_type": CallType.CONF_OUT}),
    ],
)
def test_its_whole_body_counts_for_repetition(field: str, again: dict[str, Any]) -> None:
    paper = Paper(lot("lot1", "10"))
    paper.record("c1", 61, NOW)
    assert paper.record("c1", **({"seconds": 61, "started_at": NOW} | again)) == Conflicting(field)


def test_a_record_of_a_call_that_was_authorized_is_another_request() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    assert paper.record("c1", 61) == Conflicting("started_at")


@pytest.mark.parametrize("earlier", ["settle", "release"])
def test_a_record_after_an_end_that_was_kept_says_what_was_ended(earlier: str) -> None:
    paper = Paper(lot("lot1", "10"))
    if earlier == "settle":
        paper.settle("c1", 61)
    else:
        paper.release("c1")
    assert paid(paper.record("c1", 61)) == ("0.2", "0")
    assert paid(paper.settle("c1", 61)) == ("0.2", "0")


@pytest.mark.parametrize(("user", "total"), [("ann", 61), ("nobody", 0)])
def test_an_extend_of_a_recorded_call_is_told_its_end(user: str, total: int) -> None:
    paper = Paper(lot("lot1", "10"))
    paper.record("c1", 61, user=user)
    assert paper.extend("c1", 61) == Extended(total, final=True)


def test_a_call_that_was_not_answered_costs_nothing() -> None:
    paper = Paper(lot("lot1", "10"))
    assert ended(paper.record("c1", 0)).settled == Settled()
    assert paper.booked() == {}
