"""Reports when whoever tells them must end: what the platform did not take is not forgotten in silence."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from talktime.integrations.reports import Reports, Sent


@pytest.mark.parametrize("status", [503, None])
def test_who_ends_while_the_platform_takes_its_time_still_knows_every_report(status: int | None) -> None:
    def slowly(verb: str, form: Mapping[str, object]) -> Sent:
        time.sleep(0.3)
        return Sent(status, "away")

    reports = Reports(slowly)
    for call_id in ("one", "two"):
        reports.send("settle", {"call_id": call_id})
    reports.stop(seconds=0.1)
    assert reports.waiting == 2
