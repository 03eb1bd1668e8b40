"""Real FreeRADIUS and radclient on the loopback, with the folder that `talktime radius init` writes."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import talktime

READY_SECONDS_MAX = 30.0
PACKET_SECONDS_MAX = 10.0
"""For what must be answered: a loaded machine takes its time."""
KIND = re.compile(r"Received (Access-\w+|Accounting-\w+) ")
ATTRIBUTE = re.compile(r"^\t([\w-]+) = (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    kind: str
    """Nothing when there was silence."""
    attributes: Mapping[str, str]
    seconds: float

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


class Radius:
    """What a gateway sends, through radclient."""

    def __init__(self, folder: Path, auth_port: int, acct_port: int, secret: str) -> None:
        self.folder = folder
        self._ports = {"auth": auth_port, "acct": acct_port, "status": auth_port}
        self._secret = secret

    def authorize(self, session: str, patience: float = PACKET_SECONDS_MAX, **attributes: object) -> Reply:
        return self.send("auth", ASKED | {"Acct_Session_Id": session} | attributes, patience)

    def account(
        self, session: str, kind: str, patience: float = PACKET_SECONDS_MAX, tries: int = 1, **attributes: object
    ) -> Reply:
        about = {"Acct_Session_Id": session, "Acct_Status_Type": kind}
        return self.send("acct", about | attributes, patience, tries)

    def send(
        self,
        command: str,
        attributes: Mapping[str, object],
        patience: float = PACKET_SECONDS_MAX,
        tries: int = 1,
        secret: str | None = None,
    ) -> Reply:
        """Underscores in names stand for dashes. It is sent `tries` times, each `patience` after the one before."""
        lines = [f"{name.replace('_', '-')} = {_written(value)}" for name, value in attributes.items()]
        options = ["-x", "-t", str(patience), "-r", str(tries), "-d", str(self.folder)]
        where = f"127.0.0.1:{self._ports[command]}"
        begun = time.monotonic()
        done = subprocess.run(
            ["radclient", *options, where, command, self._secret if secret is None else secret],
            input="\n".join(lines),
            capture_output=True,
            text=True,
        )
        answer = done.stdout[found.start() :] if (found := KIND.search(done.stdout)) else ""
        kind = found[1] if found else ""
        told = {name: value.strip('"') for name, value in ATTRIBUTE.findall(answer)}
        return Reply(kind, told, time.monotonic() - begun)


ASKED: dict[str, object] = {
    "Message_Authenticator": "0x00",
    "User_Name": "nobody",
    "Calling_Station_Id": "+442079460101",
    "Called_Station_Id": "+442079460123",
}


def _written(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"0x[0-9a-f]+|\d+|[A-Z]\w+-[\w-]+|Start|Stop", text) else json.dumps(text)


@contextmanager
def freeradius(folder: Path, *options: str) -> Iterator[Radius]:
    """Until it answers, and to its clean end. `options` are those of `talktime radius init`."""
    auth_port, acct_port = free_udp_ports()
    ports = ["--auth-port", str(auth_port), "--acct-port", str(acct_port)]
    made = talktime("radius", "init", "--to", folder, "--gateway", "gw1=127.0.0.1", *ports, *options, "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    secret = json.loads(made.stdout)["gateways"]["gw1"]["secret"]
    with (folder / "log").open("wb") as log:
        command = ["freeradius", "-f", "-l", "stdout", "-d", str(folder)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(process, folder / "log")
        yield Radius(folder, auth_port, acct_port, secret)
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while "Ready to process requests" not in log.read_text(errors="replace"):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.02)


def free_udp_ports() -> tuple[int, int]:
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])
