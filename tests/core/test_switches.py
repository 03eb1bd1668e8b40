from __future__ import annotations

from talktime.core.calls import Call, CallState
from talktime.core.switches import GONE_AFTER, Lists, lost_calls
from talktime.core.time import SECOND
from tests.core.switch import NOW

NOBODY: frozenset[str] = frozenset()


def call(call_id: str = "c1", heard: int = 0, opened: int = -600, org_id: int = 1) -> Call:
    """Heard of, and begun, so many seconds after now."""
    return Call(org_id, call_id, CallState.OPEN, NOW + opened * SECOND, heard_at=NOW + heard * SECOND)


def after(*lists: tuple[int, frozenset[str]], calls: list[Call], clock: int = 0) -> list[str]:
    """The calls that are lost when a switch has sent these lists, each so many seconds after now."""
    remembered = Lists()
    lost: list[Call] = []
    for seconds, named in lists:
        now = {1: NOW + seconds * SECOND, 2: NOW + (seconds + clock) * SECOND}
        lost, remembered = lost_calls(calls, named, remembered, now)
    return [one.call_id for one in lost]


def test_a_call_that_two_lists_running_do_not_name_is_lost_when_it_was_long_unheard_of() -> None:
    assert after((0, NOBODY), (31, NOBODY), calls=[call()]) == ["c1"]


def test_one_list_loses_nothing() -> None:
    assert after((100, NOBODY), calls=[call()]) == []


def test_half_a_minute_is_not_long() -> None:
    assert GONE_AFTER == 30 * SECOND
    assert after((0, NOBODY), (30, NOBODY), calls=[call()]) == []


def test_a_list_that_names_it_proves_that_it_lives() -> None:
    named = frozenset({"c1"})
    assert after((0, NOBODY), (31, named), calls=[call()]) == []
    assert after((0, NOBODY), (31, named), (60, NOBODY), calls=[call()]) == []
    assert after((0, named), (31, NOBODY), (40, NOBODY), calls=[call()]) == ["c1"]
    assert after((20, named), (31, NOBODY), (50, NOBODY), calls=[call()]) == []


def test_a_word_about_it_between_the_lists_proves_that_it_lives() -> None:
    _, before = lost_calls([call()], NOBODY, Lists(), {1: NOW})
    lost, _ = lost_calls([call(heard=20)], NOBODY, before, {1: NOW + 50 * SECOND})
    assert lost == []


def test_a_list_from_before_it_began_says_nothing_about_it() -> None:
    old = call("old")
    new = call("new", heard=10, opened=10)
    _, before = lost_calls([old], frozenset({"old"}), Lists(), {1: NOW})
    _, before = lost_calls([old, new], NOBODY, before, {1: NOW + 20 * SECOND})
    lost, _ = lost_calls([old, new], NOBODY, before, {1: NOW + 41 * SECOND})
    assert lost == [old, new]


def test_each_organization_is_judged_by_its_own_clock() -> None:
    calls = [call("ours"), call("theirs", org_id=2)]
    assert after((0, NOBODY), (10, NOBODY), calls=calls, clock=21) == ["theirs"]


def test_a_call_that_ended_is_forgotten() -> None:
    _, before = lost_calls([call()], NOBODY, Lists(), {1: NOW})
    _, before = lost_calls([], NOBODY, before, {})
    assert before == Lists()
