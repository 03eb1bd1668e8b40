"""The guide's commands, as they are printed there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.integrations.diameter.sip import free_port
from tests.integrations.guides import followed

pytestmark = [pytest.mark.slow, pytest.mark.prove]


def test_the_guide_leads_to_a_call_that_is_cut_and_one_that_is_refused(tmp_path: Path) -> None:
    lines = {said: free_port(socket.SOCK_STREAM) for said in ("8080", "3868", "3869")}
    phones = {said: free_port(socket.SOCK_DGRAM) for said in ("5090", "5091", "5092")}
    *_, cut, refused = followed("diameter.md", tmp_path, lines | phones)
    assert '"state":"settled"' in cut
    assert '"held":"0"' in cut
    assert "SIP/2.0 402 Payment Required" in refused
