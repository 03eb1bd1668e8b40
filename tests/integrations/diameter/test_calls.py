"""What a call does over Diameter: asked, extended, charged."""

from __future__ import annotations

import pytest

from tests.integrations.diameter.client import granted, is_final
from tests.integrations.diameter.conftest import Exchange

pytestmark = pytest.mark.slow


def test_a_call_is_granted_extended_and_charged_what_was_reported(exchange: Exchange) -> None:
    switch = exchange.switch()
    first = switch.initial("one;1;1")
    assert (first.result_code, granted(first), is_final(first)) == (2001, 300, False)
    assert first.multiple_services_credit_control[0].validity_time > 300
    early = switch.client.update("one;1;1", 1, used=30)
    assert granted(early) == 270
    later = switch.client.update("one;1;1", 2, used=230)
    assert granted(later) == 340
    assert switch.client.end("one;1;1", 3, used=65).result_code == 2001
    story = switch.ended("one;1;1")
    assert (story["duration_seconds"], story["charge"], story["to"]) == (325, "0.6", "+442079460123")
    assert switch.held == "0"
