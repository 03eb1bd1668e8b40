from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talktime.core.calls import (
    Answered,
    Command,
    Conflicting,
    Done,
    Ended,
    Extended,
    Granted,
    Lapse,
    Refused,
    Release,
    Touch,
    Unknown,
)
from talktime.core.money import micros as usd
from talktime.core.time import DAY, SECOND
from tests.core.paper import Paper
from tests.core.switch import FRANCE, GERMANY, NOW, NOWHERE, UK, US, lot


def test_each_command_has_an_answer_of_its_own_in_the_order_they_were_given() -> None:
    paper = Paper(lot("lot1", "10"))
    commands: list[Command] = [
        paper.authorization("c1"),
        paper.extension("c1", 300),
        Answered(1, "c1", NOW, "key_1"),
        paper.authorization("c1", to=FRANCE),
        paper.authorization("c2", to=NOWHERE),
        paper.settlement("c1", 61),
        Release(1, "c3", NOW, "key_1"),
        Lapse(1, "c1", NOW, "clock"),
        Touch(1, "", NOW, "clock"),
    ]
    answers = paper.run(*commands)
    assert [type(answer) for answer in answers] == [
        Granted,
        Extended,
        Done,
        Conflicting,
        Refused,
        Ended,
        Done,
        Done,
        Done,
    ]
    assert paper.money() == ("9.8", "0")


def test_an_organization_that_is_not_there_spoils_nothing_for_the_others() -> None:
    paper = Paper(lot("lot1", "10"))
    nobody = Paper()
    nobody.org_id = 9
    answers = paper.run(nobody.authorization("c1"), paper.authorization("c1"), nobody.settlement("c1", 60))
    assert [type(answer) for answer in answers] == [Unknown, Granted, Unknown]


def test_organizations_share_neither_calls_nor_money() -> None:
    paper = Paper(lot("lot1", "0.5"))
    paper.organization(lot("lot1", "0.5"), org_id=2)
    paper.authorize("c1")
    paper.org_id = 2
    assert isinstance(paper.authorize("c1", to=FRANCE), Granted)
    paper.settle("c1", 30)
    assert paper.money() == ("0.22", "0")
    paper.org_id = 1
    assert paper.money() == ("0.5", "0.5")


# --------------------------------------------------------------------------------------------------- whatever comes

NUMBERS = (UK, UK, FRANCE, GERMANY, US, NOWHERE, "911")
CALLS = ("c1", "c2", "c3")


def some_command(paper: Paper, chance: Random) -> Command:
    """Any word about any call, in any order."""
    call_id, at = chance.choice(CALLS), paper.now
    match chance.randrange(12):
        case 0 | 1 | 2:
            return paper.authorization(call_id, to=chance.choice(NUMBERS), requested_seconds=chance.choice((None, 100)))
        case 3 | 4 | 5:
            known = [row.story.seconds for row in paper.snapshot().calls if row.call_id == call_id]
            return paper.extension(call_id, known[0] if known else chance.choice((0, 300)))
        case 6 | 7:
            return paper.settlement(call_id, chance.choice((0, 1, 61, 400, 3000)))
        case 8:
            return Release(1, call_id, at, "key_1")
        case 9:
            return Lapse(1, call_id, at, "clock", lost=chance.random() < 0.5)
        case 10:
            return Answered(1, call_id, at, "key_1")
        case _:
            return Touch(1, "", at, "clock")


@given(st.integers(0, 2**32), st.sampled_from(["0", "0", "0.3"]))
@settings(max_examples=150)
def test_whatever_a_switch_says_in_whatever_order_the_books_add_up(seed: int, debt: str) -> None:
    chance = Random(seed)
    paper = Paper(lot("lot1", "0.7"), lot("lot2", "0.5", NOW + 900 * SECOND), lot("lot3", "1.3", NOW + DAY), debt=debt)
    for _ in range(25):
        paper.later(chance.choice((0, 1, 200)))
        # Every answer is checked by the books on paper: see `audit.RULES`.
        paper.run(*(some_command(paper, chance) for _ in range(chance.choice((1, 1, 3)))))
    money = paper.snapshot().accounts[0]
    assert money.posted >= -usd(debt)


@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_batch_decides_as_one_by_one_would(seed: int) -> None:
    chance = Random(seed)
    together, apart = (Paper(lot("lot1", "0.7"), lot("lot2", "1.3", NOW + DAY)) for _ in range(2))
    commands = [some_command(together, chance) for _ in range(12)]
    answers = together.run(*commands)
    assert answers == [apart.say(command) for command in commands]
    assert together.money() == apart.money()
    assert together.lots() == apart.lots()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_all_that_is_said_several_times_happens_once(times: int) -> None:
    paper = Paper(lot("lot1", "10"))
    steps: list[Command] = [paper.authorization("c1"), paper.extension("c1", 300), paper.settlement("c1", 500)]
    for command in steps:
        answers = paper.run(*[command] * times)
        assert answers == [answers[0]] * times
    assert paper.money() == ("9.1", "0")
    assert list(paper.booked()) == ["settle:c1"]
