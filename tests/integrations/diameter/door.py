"""`talktime diameter` as a process of its own."""

from __future__ import annotations

import select
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.integrations.diameter.client import REALM, SERVER
from tests.support.server import TALKTIME

READY_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 30.0


class Door:
    def __init__(self, url: str, key_file: Path, log: Path, name: str, arguments: Sequence[str] = ()) -> None:
        self.url, self.key_file, self.log, self.name, self.arguments = url, key_file, log, name, arguments
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """A restart keeps the port."""
        identity = ["--origin-host", self.name, "--origin-realm", REALM, "--listen", f"127.0.0.1:{self.port}"]
        asked = ["diameter", "--url", self.url, "--key-file", str(self.key_file), *identity, *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*TALKTIME, *asked], stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], READY_SECONDS_MAX)[0], self.log.read_text()
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready aaa://127.0.0.1:"), (line, self.log.read_text())
        self.port = int(line.rpartition(":")[2])

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(STOP_SECONDS_MAX)
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None
        return code


@contextmanager
def door_to(url: str, key: str, folder: Path, *arguments: str, name: str = SERVER) -> Iterator[Door]:
    key_file = folder / "key"
    key_file.write_text(key)
    door = Door(url, key_file, folder / "log", name, arguments)
    door.start()
    try:
        yield door
    finally:
        door.kill()
