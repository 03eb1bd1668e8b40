"""sipp in processes of its own: everybody who calls, and everybody who can be called."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from tests.sip.scenarios import Caller, callee
from tests.sip.trace import Talk, messages, talks
from tests.support.ports import PORTS, free_port

START_SECONDS_MAX = 20.0
CALL_SECONDS_MAX = 90.0


class SippFailed(Exception):
    """It did not do what it was there for; the message carries what it said."""


class Sipp:
    def __init__(self, folder: Path, scenario: str, *options: str, address: str = "127.0.0.1") -> None:
        self._own = Path(tempfile.mkdtemp(prefix="sipp-", dir=folder))
        self._log = self._own / "messages.log"
        self.address, self.port = address, free_udp_port(address)
        file = self._own / "scenario.xml"
        file.write_text(scenario)
        where = ["-i", address, "-p", str(self.port), "-bind_local"]
        told = ["-trace_msg", "-message_file", str(self._log), "-trace_err", "-error_file", str(self._own / "errors")]
        command = ["sipp", *options, "-sf", str(file), *where, *told, "-nostdin"]
        with (self._own / "out").open("wb") as out:
            self.process = subprocess.Popen(command, cwd=self._own, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    @property
    def talks(self) -> dict[str, Talk]:
        return talks(messages(self._log))

    @property
    def errors(self) -> str:
        files = [self._own / "errors", self._own / "out"]
        return "\n".join(file.read_text(errors="replace")[-2000:] for file in files if file.exists())


class Callees(Sipp):
    """Everybody who can be called."""

    def __init__(self, folder: Path, address: str) -> None:
        # Whoever vanishes hears nothing any more.
        super().__init__(folder, callee(), "-pause_msg_ign", "-deadcall_wait", "0", address=address)
        self.target = f"{address}:{self.port}"
        wait_for_port(self.process, self.port)

    def talk(self, call_id: str) -> Talk:
        return self.talks.get(call_id, Talk([]))


class Calls(Sipp):
    """Who calls by `target` (`host:port`), from an address of his own."""

    def __init__(
        self, folder: Path, caller: Caller, target: str, address: str, times: int = 1, rate: int = 20, call_id: str = ""
    ) -> None:
        many = ["-m", str(times), "-r", str(rate), "-l", str(times)]
        named = ["-cid_str", call_id] if call_id else []
        # Kamailio asks both ends from time to time whether they are still there.
        super().__init__(folder, caller.scenario(), target, "-aa", *many, *named, address=address)

    def ended(self, seconds: float = CALL_SECONDS_MAX) -> Self:
        """What they have heard may be another thing than what was expected: that is for the test to say."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise SippFailed(f"still calling after {seconds} s\n{self.errors}\n{self._said()}") from None
        return self

    @property
    def talk(self) -> Talk:
        """The only one."""
        found = list(self.talks.values())
        if len(found) != 1:
            raise SippFailed(f"{len(found)} calls instead of one\n{self.errors}")
        return found[0]

    @property
    def call_id(self) -> str:
        [found] = self.talks
        return found

    def _said(self) -> str:
        return "\n".join(one.first_line for one in messages(self._log))


def free_udp_port(address: str = "127.0.0.1") -> int:
    for _ in range(len(PORTS)):
        port = free_port()
        with socket.socket(type=socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.bind((address, port))
            return port
    raise RuntimeError("no free port for UDP")


def wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not any(one.laddr.port == port for one in psutil.Process(process.pid).net_connections("udp") if one.laddr):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SippFailed(f"nobody listens on port {port}")
        time.sleep(0.02)
