"""The real server in a process of its own, for tests that need one.

    def test_something(server: Server) -> None:
        httpx.get(f"{server.url}/healthz")

`serving(...)` is the same for tests that want settings, another database or several starts on one folder.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0
SETTINGS_OF_ALL: dict[str, str] = {}
"""Of every process of the product that is started from now on."""
TALKTIME = (sys.executable, "-m", "talktime.cli.main")


class ServerFailed(Exception):
    """It did not start, or did not end as it should; the message carries what it said."""


def talktime(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command of the product, to its end."""
    return within(120, *arguments, **environment)


def within(seconds_max: float, /, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One that may take long."""
    command = [*TALKTIME, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds_max, env=_environment(environment))


class Server:
    """`where` is a data folder, or the URL of a PostgreSQL database."""

    def __init__(
        self,
        where: Path | str,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        """`listener` is handed over as systemd hands over its sockets."""
        self.where = where
        self.listener = listener
        self.arguments = arguments
        self.environment = dict(environment or {})
        self.url = ""
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._own = Path(tempfile.mkdtemp(prefix="talktime-test-"))
        """Its log, and on PostgreSQL what it keeps beside the database."""
        self._log = self._own / "log"
        self._operator_key = ""

    @property
    def database(self) -> list[str]:
        """The options that tell any command which database is meant."""
        return (
            ["--data", str(self.where)]
            if isinstance(self.where, Path)
            else ["--database", self.where, "--data", str(self._own)]
        )

    @property
    def base_url(self) -> str:
        return self.url

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def operator_key(self) -> str:
        """Made at the first question, through the command line like everybody's."""
        if not self._operator_key:
            made = talktime("keys", "create", "--operator", *self.database, **self.environment)
            if made.returncode:
                raise ServerFailed(f"keys create: {made.stderr}")
            self._operator_key = made.stdout.splitlines()[-1]
        return self._operator_key

    def start(self) -> float:
        """Start, wait for the ready line, and say how many seconds that took. A restart keeps the port."""
        begun = time.monotonic()
        command = [*self._handing_over(), *TALKTIME, "serve", *self.database, "--port", str(self.port)]
        descriptors = [self.listener.fileno()] if self.listener else []
        with self._log.open("ab") as log:
            # A group of its own, so that it can be killed with all that it has started.
            self._process = subprocess.Popen(
                [*command, *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(self.environment),
                start_new_session=True,
                pass_fds=descriptors,
            )
        line = self._first_line(begun + READY_SECONDS_MAX)
        if not line.startswith("ready http://"):
            self.kill()
            raise ServerFailed(f"instead of the ready line: {line!r}\n{self.log}")
        self.url = line.split()[1]
        self.port = int(self.url.rpartition(":")[2])
        return time.monotonic() - begun

    def stop(self) -> int:
        """SIGTERM, and the exit code. Nothing happens when it is down."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"it did not end within {STOP_SECONDS_MAX} s of SIGTERM\n{self.log}") from None
        self._forget()
        return code

    def kill(self) -> None:
        """SIGKILL to it and all that it has started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._forget()

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._own, ignore_errors=True)

    def _handing_over(self) -> Sequence[str]:
        if self.listener is None:
            return ()
        script = f'exec 3<&{self.listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        return ("bash", "-c", script, "systemd")

    def _first_line(self, deadline: float) -> str:
        assert self._process and self._process.stdout
        said = b""
        while not said.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
            if not select.select([self._process.stdout], [], [], left)[0]:
                break
            more = os.read(self._process.stdout.fileno(), 4096)
            if not more:
                break
            said += more
        return said.decode().strip()

    def _forget(self) -> None:
        assert self._process and self._process.stdout
        self._process.stdout.close()
        self._process = None


@contextmanager
def serving(
    where: Path | str, *arguments: str, environment: Mapping[str, str] | None = None, start: bool = True
) -> Iterator[Server]:
    server = Server(where, arguments, environment)
    try:
        if start:
            server.start()
        yield server
    finally:
        server.remove()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Settings of the tester's own must not reach the servers of the tests."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
    return {**ours, **SETTINGS_OF_ALL, **extra}
