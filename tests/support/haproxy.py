"""HAProxy with the configuration that we ship, on free ports, in front of servers of the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from talktime.cli.shipped import SHIPPED
from tests.support.ports import free_port
from tests.support.postgres import wait_for

INSTALLED = "/etc/haproxy"
OWN, PORTS = "127.0.0.1:8080", ("127.0.0.1:8081", "127.0.0.1:8082")


class HaproxyFailed(Exception):
    """It did not start; the message carries what it said."""


class Haproxy:
    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "there is no haproxy: `make packages` installs it"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.shards = folder / "talktime-shards.map"
        self._log = folder / "haproxy.log"
        self._command = [program, "-db", "-f", str(folder / "haproxy.cfg")]
        for path in (SHIPPED / "proxy").iterdir():
            (folder / path.name).write_text(self._moved(path.read_text(), folder, ports))
        self._process: subprocess.Popen[bytes] | None = None

    def _moved(self, text: str, folder: Path, ports: Sequence[int]) -> str:
        for there, here in zip((OWN, *PORTS), (self.port, *ports), strict=True):
            text = text.replace(there, f"127.0.0.1:{here}")
        return text.replace(INSTALLED, str(folder))

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_for("HAProxy does not answer", self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise HaproxyFailed(self._log.read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def balancing(folder: Path, ports: Sequence[int]) -> Iterator[Haproxy]:
    proxy = Haproxy(folder, ports)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()
