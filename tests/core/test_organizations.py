from __future__ import annotations

from talktime.core.organizations import Account


def test_an_organization_has_slices_of_five_minutes_two_of_grace_and_calls_of_three_hours() -> None:
    usual = Account("USD", [])
    assert (usual.slice_seconds, usual.grace_seconds, usual.max_call_seconds) == (300, 120, 3 * 60 * 60)
    assert (usual.time_zone, usual.closed, usual.clock_at) == ("UTC", False, None)
