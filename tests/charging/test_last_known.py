"""What is an emergency when nothing can be read: by what was read last, and otherwise whatever may be one."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.charging import last_known
from talktime.charging.last_known import LastKnown
from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Authorize, Settle
from talktime.core.numbers import NUMBERS
from talktime.core.organizations import Account, User
from tests.core.switch import NOW


def passes(known: LastKnown, to: str, user: str | None = "ann", call_type: CallType = CallType.USER_OUT) -> bool:
    answer = known.emergency(Authorize(1, "c1", NOW, "key_1", Asked(call_type, to, user)))
    assert answer is None or (answer.emergency, answer.final, answer.held) == (True, False, 0)
    return answer is not None


def learned(**users: str) -> LastKnown:
    known = LastKnown({1: "GB"})
    known.learn(
        {1: Account("USD", [], country="GB")}, {(1, name): User(name, place) for name, place in users.items()}, NUMBERS
    )
    return known


def test_a_user_is_where_he_was_and_without_one_the_organization_is() -> None:
    known = learned(ann="US")
    assert [passes(known, to) for to in ("911", "999")] == [True, False]
    assert [passes(known, to, None) for to in ("911", "999")] == [False, True]


def test_of_whom_nothing_is_known_every_emergency_number_counts() -> None:
    assert [passes(LastKnown({}), to, user) for to in ("911", "999") for user in ("ann", None)] == [True] * 4


@pytest.mark.parametrize("asked", [{"to": "+12025550117"}, {"to": "911", "call_type": CallType.USER_IN}])
def test_any_other_call_waits_for_the_store(asked: dict[str, Any]) -> None:
    assert not passes(learned(ann="US"), **asked)
    assert learned().emergency(Settle(1, "c1", NOW, "key_1", 60)) is None


def test_an_own_carriers_emergency_call_is_one_whatever_was_dialled() -> None:
    assert passes(learned(ann="US"), "+12025550117", call_type=CallType.DR_EMERGENCY_OUT)


def test_numbers_that_the_operator_has_added_count_too() -> None:
    known = learned(ann="US")
    assert not passes(known, "5555")
    known.learn({}, {}, NUMBERS.with_rows((), [("US", "5555")]))
    assert passes(known, "5555")


def test_who_was_forgotten_may_call_every_emergency_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_known, "USERS_KEPT", 4)
    known = learned(ann="US", bob="US", cleo="US", dan="US", eve="US")
    assert [passes(known, "999", name) for name in ("ann", "bob", "cleo", "dan", "eve")] == [
        True,
        True,
        False,
        False,
        False,
    ]
