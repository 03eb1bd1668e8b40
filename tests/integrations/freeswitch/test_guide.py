"""The guide is true, as far as it can be tried without FreeSWITCH."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from tests.integrations.guides import GUIDES, followed
from tests.support.ports import free_port


@pytest.mark.slow
def test_whoever_follows_the_guide_sees_a_prepaid_call(tmp_path: Path) -> None:
    _, granted, charged, refused = followed("freeswitch.md", tmp_path, {"8080": free_port()})
    assert "sched_hangup +300 allotted_timeout" in granted
    assert "sofia/gateway/trunk/+442079460123" in granted
    assert '"charge":"0.84"' in charged
    assert 'data="404 Not Found"' in refused
    assert 'data="talktime_reason=unauthorized"' in refused


def test_the_files_of_the_guide_are_xml() -> None:
    files = re.findall(r"```xml\n(.*?)```", (GUIDES / "freeswitch.md").read_text(), re.DOTALL)
    assert [fromstring(file).tag for file in files] == ["configuration", "configuration", "include", "include"]
