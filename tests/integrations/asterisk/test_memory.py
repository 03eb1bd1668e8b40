"""What the door keeps of calls in progress, and when it lets go of them."""

from __future__ import annotations

from time import monotonic

import pytest

from talktime.integrations.asterisk import calls
from talktime.integrations.asterisk.calls import Call, Calls


def call(call_id: str, since: float = 0.0, emergency: bool = False) -> Call:
    return Call(call_id, None, "PJSIP/a-1", 300, 240, emergency, monotonic() - since)


def test_a_call_that_nobody_ends_is_forgotten_after_its_grant() -> None:
    known = Calls()
    for one in (call("now"), call("old", since=361), call("emergency", since=361, emergency=True)):
        known.add(one)
    assert known.due() == []
    assert known.ids == ["emergency", "now"]


def test_a_call_is_due_once_until_somebody_says_when_again() -> None:
    known, one = Calls(), call("one")
    known.add(one)
    one.answered_at = one.next_at = monotonic() - 10
    assert (known.due(), known.due()) == ([one], [])
    one.look_again(0)
    assert known.due() == [one]


def test_there_is_an_end_to_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALLS_MAX", 2)
    known = Calls()
    for one in (call("old", since=361), call("one"), call("two"), call("three")):
        known.add(one)
    assert known.ids == ["one", "two"]


def test_the_cut_is_never_later_than_what_a_settle_forgives() -> None:
    one = call("one")
    now = monotonic()
    one.answered_at = now - 100
    assert [one.left(now), one.left(now + 0.05), one.left(now + 0.2), one.left(now + 199.95)] == [200, 200, 199, 0]
