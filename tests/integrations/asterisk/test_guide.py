"""The guide is true: whoever types it has a prepaid call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.guides import followed
from tests.support.ports import free_port

pytestmark = pytest.mark.slow


def test_whoever_follows_the_guide_has_a_prepaid_call(tmp_path: Path) -> None:
    _, _, tried, _ = followed("asterisk.md", tmp_path, {"8080": free_port(), "4573": free_port()})
    assert "Granted 300 s, talked 130 s, held at first 0.6." in tried
    assert "Charged 0.36 USD; the call is settled." in tried
    assert "Balance 5 before, 4.64 after." in tried
    assert "Refused: There is no published price for this destination." in tried
