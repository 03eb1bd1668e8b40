"""A call by SIP: real sipp calls what stands in for a switch, which asks the platform in its own way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.cli.inside import inside
from tests.http.shop import Organization, Shop, good
from tests.support.ports import free_port
from tests.support.server import Server

pytestmark = pytest.mark.slow
REPLY = """
[last_Via:]
[last_From:]
[last_To:];tag=[pid]u[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>"""
ANSWERS = f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="answers">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 200 OK{REPLY}
<recv request="ACK"/>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK{REPLY}
</scenario>"""
REFUSES = f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="refuses">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 402 Payment Required{REPLY}
<recv request="ACK"/>
</scenario>"""


@contextmanager
def switch(scenario: str, folder: Path) -> Iterator[str]:
    """It says one thing to whoever calls."""
    file, port = folder / "switch.xml", free_port()
    file.write_text(scenario)
    command = ["sipp", "-sf", str(file), "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def test_codes_and_times_are_shown_and_the_call_is_looked_up(
    platform_server: Server, shop: Shop, tmp_path: Path
) -> None:
    org = shop.organization("10")
    with switch(ANSWERS, tmp_path) as at:
        # What the switch would have asked meanwhile.
        told = by_sip(platform_server, org, at, asks=True)
    assert told["code"] == 200
    assert [step["what"].split()[:2] for step in told["steps"]][:3] == [
        ["sent", "INVITE"],
        ["heard", "200"],
        ["sent", "ACK"],
    ]
    assert (told["talked_seconds"], told["decision"], told["charge"]) == (1, "granted", "0.1")


def test_a_code_of_refusal_is_shown(platform_server: Server, shop: Shop, tmp_path: Path) -> None:
    with switch(REFUSES, tmp_path) as at:
        told = by_sip(platform_server, shop.organization("10"), at)
    assert (told["code"], told["decision"], told["steps"][1]["what"]) == (402, "refused", "heard 402 Payment Required")


def by_sip(server: Server, org: Organization, at: str, asks: bool = False) -> Any:
    options = ["--door", "sip", "--at", at, "--seconds", "1", "--from", "+442079460101", "--json", "--url", server.url]
    key = org.key("calls", "funds")["key"]
    if asks:
        Timer(0.8, ask, (org,)).start()
    done = inside("try-call", "--to", "+442079460123", *options, TALKTIME_KEY=key)
    assert done.returncode == (0 if asks else 1), done.stderr
    return json.loads(done.stdout)


def ask(org: Organization) -> None:
    api = org.operator.of(org.id)
    good(api.post("/v1/calls/authorize", org.call("by-sip")))
    good(api.post("/v1/calls/settle", {"call_id": "by-sip", "duration_seconds": 1}))
