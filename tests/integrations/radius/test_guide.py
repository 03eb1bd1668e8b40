"""The guide is true: whoever types it has a prepaid call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.guides import followed
from tests.integrations.radius.lab import free_udp_ports
from tests.support.ports import free_port

pytestmark = pytest.mark.prove


def test_whoever_follows_the_guide_has_a_prepaid_call(tmp_path: Path) -> None:
    auth, acct = free_udp_ports()
    said = followed("radius.md", tmp_path, {"8080": free_port(), "1812": auth, "1813": acct})
    _, begun, granted, charged, refused, _ = said
    assert "FreeRADIUS can read it" in begun
    assert "Session-Timeout = 300" in granted
    assert '"charge":"0.84"' in charged
    assert '"balance":"4.16"' in charged
    assert "There is no published price for this destination." in refused
