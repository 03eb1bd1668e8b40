"""Kamailio in a process of its own, with the configuration that `talktime kamailio init` writes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.sip.sipp import SippFailed, free_udp_port, wait_for_port
from tests.support.server import talktime

STOP_SECONDS_MAX = 20.0


class Proxy:
    """`options` are those of `talktime kamailio init`, besides where it listens."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder = folder
        self.port = free_udp_port()
        self.target = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        made = talktime("kamailio", "init", "--to", folder, "--listen", self.target, *options)
        if made.returncode:
            raise SippFailed(f"kamailio init: {made.stdout}{made.stderr}")

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        config, state = self.folder / "kamailio.cfg", self.folder / "run"
        state.mkdir(exist_ok=True)
        command = ["kamailio", "-DD", "-E", "-f", str(config), "-Y", str(state), "-m", "64", "-M", "8"]
        with self._log.open("ab") as log:
            # A group of its own, so that it can be killed with all its workers.
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_for_port(self._process, self.port)
        except SippFailed as error:
            raise SippFailed(f"Kamailio did not start: {error}\n{self.log[-3000:]}") from error

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
def proxying(folder: Path, options: Sequence[str], start: bool = True) -> Iterator[Proxy]:
    proxy = Proxy(folder, options)
    try:
        if start:
            proxy.start()
        yield proxy
    finally:
        proxy.kill()
