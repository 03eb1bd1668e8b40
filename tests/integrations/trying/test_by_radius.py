"""A call by RADIUS: real packets of radclient through real FreeRADIUS."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.cli.inside import inside
from tests.http.shop import Organization, Shop
from tests.integrations.radius import lab
from tests.support.server import Server

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Gateway:
    server: Server
    org: Organization
    at: str
    secret: Path

    def tried(self, *options: str, code: int = 0) -> Any:
        asked = ["--door", "radius", "--at", self.at, "--radius-secret-file", str(self.secret), "--json", *options]
        about = ["--to", "+442079460123", "--user", self.org.caller, "--url", self.server.url]
        done = inside("try-call", *about, *asked, TALKTIME_KEY=self.org.key("calls", "funds")["key"])
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def gateway(platform_server: Server, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder, org = tmp_path_factory.mktemp("radius"), shop.organization("10", limits={"slice_seconds": 60})
    key, secret = folder / "key", folder / "secret"
    key.write_text(org.key("calls")["key"])
    auth, acct = next_to_each_other()
    with (
        patch.object(lab, "free_udp_ports", lambda: (auth, acct)),
        lab.freeradius(folder / "raddb", "--url", platform_server.url, "--key-file", str(key)),
    ):
        secret.write_text(re.findall(r'secret = "(.*)"', (folder / "raddb" / "clients.conf").read_text())[0])
        yield Gateway(platform_server, org, f"127.0.0.1:{auth}", secret)


def next_to_each_other() -> tuple[int, int]:
    """As RADIUS usually has them."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
            one.bind(("127.0.0.1", 0))
            first = int(one.getsockname()[1])
            with suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", first + 1))
                return first, first + 1


def test_a_call_is_granted_extended_and_charged(gateway: Gateway) -> None:
    told = gateway.tried("--seconds", "130")
    assert [step["what"] for step in told["steps"]] == ["authorize", "answered", "extend", "extend", "settle"]
    assert (told["granted_seconds"], told["charge"], told["state"]) == (180, "0.3", "settled")


def test_nobody_answers(gateway: Gateway) -> None:
    assert gateway.tried("--seconds", "0")["state"] == "released"


def test_a_refusal_is_told_in_words(gateway: Gateway) -> None:
    told = gateway.tried("--to", "+999123456789", code=1)
    assert (told["reason"], told["detail"]) == ("access_reject", "There is no published price for this destination.")


def test_a_wrong_secret_is_silence(gateway: Gateway, tmp_path: Path) -> None:
    wrong = tmp_path / "secret"
    wrong.write_text("wrong")
    about = ["--to", "+442079460123", "--door", "radius", "--at", gateway.at, "--url", gateway.server.url]
    key = gateway.org.key("calls")["key"]
    done = inside("try-call", *about, "--radius-secret-file", str(wrong), TALKTIME_KEY=key)
    assert (done.returncode, "is its secret the right one" in done.stderr) == (3, True)
