"""Kamailio in a process of its own, with the configuration that `talktime kamailio init` writes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.sip.shout import said_to
from tests.sip.sipp import START_SECONDS_MAX, SippFailed, free_udp_port, wait_for_port
from tests.support.server import talktime

STOP_SECONDS_MAX = 20.0
ARE_YOU_THERE = """OPTIONS sip:edge@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1
From: <sip:lab@127.0.0.1>;tag=lab
To: <sip:edge@127.0.0.1>
Call-ID: are-you-there
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0

"""


class Proxy:
    """`options` are those of `talktime kamailio init`, besides where it listens."""

    def __init__(self, folder: Path, options: Sequence[str], numbers: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = free_udp_port()
        self.target = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        made = talktime("kamailio", "init", "--to", folder, "--listen", self.target, *options)
        if made.returncode:
            raise SippFailed(f"kamailio init: {made.stdout}{made.stderr}")
        with (folder / "numbers").open("a") as known:
            known.writelines(f"{line}\n" for line in numbers)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        config = self.folder / "kamailio.cfg"
        command = ["kamailio", "-DD", "-E", "-f", str(config), "-Y", str(self.folder), "-m", "64", "-M", "8"]
        with self._log.open("ab") as log:
            # A group of its own, so that it can be killed with all its workers.
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_for_port(self._process, self.port)
            self._wait_for_answer()
        except SippFailed as error:
            raise SippFailed(f"Kamailio did not start: {error}\n{self.log[-3000:]}") from error

    def _wait_for_answer(self) -> None:
        """Its workers are there a moment later than its port."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while said_to(self.target, ARE_YOU_THERE, "127.0.0.1") != 200:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise SippFailed("it does not answer")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SippFailed(f"Kamailio did not end\n{self.log}") from None
        self._process = None

    def kill(self) -> None:
        """SIGKILL to it and all its workers."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """What it keeps on disk of calls in progress is lost."""
        for file in self.folder.glob("calls.sqlite*"):
            file.unlink()

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.folder / "log"


@contextmanager
def proxying(folder: Path, options: Sequence[str], numbers: Sequence[str] = (), start: bool = True) -> Iterator[Proxy]:
    proxy = Proxy(folder, options, numbers)
    try:
        if start:
            proxy.start()
        yield proxy
    finally:
        proxy.kill()
