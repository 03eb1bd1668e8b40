"""HAProxy with the configuration that we ship, on free ports, in front of servers of the tests."""

from __future__ import annotations

import csv
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from talktime.cli.shipped import SHIPPED
from tests.support.ports import free_port
from tests.support.postgres import wait_for
from tests.support.tethered import Tethered

INSTALLED = "/etc/haproxy"
OWN, WATCH, PORTS = "127.0.0.1:8080", "127.0.0.1:8404", ("127.0.0.1:8081", "127.0.0.1:8082")
PREPARED = re.compile(r"^( +)#(bind |http-request redirect )", re.MULTILINE)
"""Lines that a guide has people take the first sign from."""


class HaproxyFailed(Exception):
    """It did not start; the message carries what it said."""


class Haproxy:
    def __init__(self, folder: Path, ports: Sequence[int], tls: bool = False) -> None:
        """`tls`: with the lines for it; its certificate lies in the folder."""
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "there is no haproxy: `make packages` installs it"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._watch = free_port()
        self.plain, self.encrypted = free_port(), free_port()
        self._tls = tls
        self.shards = folder / "talktime-shards.map"
        self._log = folder / "haproxy.log"
        self._command = [program, "-db", "-f", str(folder / "haproxy.cfg")]
        for path in (SHIPPED / "proxy").iterdir():
            (folder / path.name).write_text(self._moved(path.read_text(), folder, ports))
        self._process: Tethered | None = None

    def _moved(self, text: str, folder: Path, ports: Sequence[int]) -> str:
        for there, here in zip((OWN, WATCH, *PORTS), (self.port, self._watch, *ports), strict=True):
            text = text.replace(there, f"127.0.0.1:{here}")
        if self._tls:
            text = PREPARED.sub(r"\1\2", text)
            text = re.sub(r"(bind :|dst_port )80\b", rf"\g<1>{self.plain}", text)
            text = text.replace("bind :443", f"bind :{self.encrypted}")
        return text.replace(INSTALLED, str(folder))

    def start(self) -> None:
        checked = subprocess.run([*self._command, "-c"], capture_output=True, text=True, timeout=60)
        if checked.returncode:
            raise HaproxyFailed(checked.stdout + checked.stderr)
        self._process = Tethered(self._command, self._log)
        wait_for("HAProxy does not answer", self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def wait_for_all(self) -> None:
        """Until it sends callers to every server."""
        wait_for("a server is not taken in", lambda: set(self._states()) == {"UP"})

    def _states(self) -> list[str]:
        """Of the servers, as it sees them."""
        rows = csv.DictReader(httpx.get(f"http://127.0.0.1:{self._watch}/;csv").text.splitlines())
        return [row["status"] for row in rows if row["check_status"]]

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def balancing(folder: Path, ports: Sequence[int], tls: bool = False) -> Iterator[Haproxy]:
    proxy = Haproxy(folder, ports, tls)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()
