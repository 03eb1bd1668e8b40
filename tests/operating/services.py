"""The units of a machine that guides are followed on: as little of systemd as a guide can tell from the real one."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

READY_SECONDS_MAX = 120.0
OTHERS = frozenset(
    f"{name}.service"
    for name in ("nginx", "haproxy", "postgresql", "pgbouncer", "patroni", "etcd", "prometheus", "grafana-server")
) | {"nftables.service"}
"""Units of Debian's packages: nothing happens to them here."""


class Services:
    def __init__(self, machine: Path) -> None:
        self._machine = machine
        self._units = machine / "etc" / "systemd" / "system"
        self._run = machine / "run"

    def knows(self, unit: str) -> bool:
        return self._file(unit).exists()

    def is_of_a_template(self, pattern: str) -> bool:
        """There may be none of its kind."""
        return "@*" in pattern and self.knows(pattern)

    def named(self, pattern: str) -> list[str]:
        """A pattern means those that fit: of what could run here or has run."""
        if "*" not in pattern:
            return [pattern]
        there = {path.name for folder in (self._units, self._machine / "log") for path in folder.iterdir()}
        return sorted(name for name in there if fnmatch(name, pattern) and "@." not in name)

    def said(self, unit: str) -> str:
        log = self._machine / "log" / unit
        return log.read_text() if log.exists() else ""

    def told(self, verb: str, unit: str, *, now: bool) -> int:
        """The exit code. What systemd only remembers for the next start of the machine is nothing here."""
        if verb == "try-restart" and self._pid(unit):
            verb = "restart"
        if verb in ("stop", "restart") or (verb == "disable" and now):
            self._stop(unit)
        if verb in ("start", "restart") or (verb == "enable" and now):
            return self._start(unit)
        if verb in ("status", "is-active"):
            print(f"{unit}: {'active' if self._pid(unit) else 'inactive'}")
            return 0 if self._pid(unit) else 3
        return 0

    def _file(self, unit: str) -> Path:
        return self._units / re.sub(r"@.+\.", "@.", unit)

    def _start(self, unit: str) -> int:
        if self._pid(unit):
            return 0
        lines = self._lines(unit)
        # An abstract name: those in folders may not be long.
        address = f"talktime-test-{os.getpid()}"
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard,
            (self._machine / "log" / unit).open("ab") as log,
        ):
            heard.bind(f"\0{address}")
            given = dict(line.split("=", 1) for line in lines.get("Environment", []))
            environment = environment_of(self._machine) | given | {"NOTIFY_SOCKET": f"@{address}"}
            command = shlex.split(lines["ExecStart"][0])
            # The group of the guide's shell, with which it is ended.
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if lines.get("Type") == ["oneshot"]:
                return process.wait()
            (self._run / f"{unit}.pid").write_text(str(process.pid))
            return 0 if lines.get("Type") != ["notify"] or _is_ready(heard, process.pid) else self._failed(unit)

    def _failed(self, unit: str) -> int:
        sys.stderr.write(f"{unit} did not start: {self.said(unit)}\n")
        return 1

    def _lines(self, unit: str) -> Mapping[str, list[str]]:
        from tests.operating.machine import moved

        found: dict[str, list[str]] = {}
        text = moved(self._file(unit).read_text(), self._machine, {})
        name = unit.partition("@")[2].rpartition(".")[0]
        for line in text.replace("%i", name).splitlines():
            key, sign, value = line.partition("=")
            if sign and not line.startswith("#"):
                found.setdefault(key.strip(), []).append(value.strip().strip('"'))
        return found

    def _stop(self, unit: str) -> None:
        if pid := self._pid(unit):
            with suppress(ProcessLookupError):
                end = os.pidfd_open(pid)
                os.kill(pid, signal.SIGTERM)
                select.select([end], [], [], READY_SECONDS_MAX)
            (self._run / f"{unit}.pid").unlink()

    def _pid(self, unit: str) -> int:
        """0 when it does not run."""
        file = self._run / f"{unit}.pid"
        pid = int(file.read_text()) if file.exists() else 0
        with suppress(ProcessLookupError):
            if pid and not select.select([os.pidfd_open(pid)], [], [], 0)[0]:
                return pid
        return 0


def _is_ready(heard: socket.socket, pid: int) -> bool:
    end = os.pidfd_open(pid)
    while heard.fileno() in select.select([heard.fileno(), end], [], [], READY_SECONDS_MAX)[0]:
        if b"READY=1" in heard.recv(4096):
            return True
    return False


def environment_of(machine: Path) -> dict[str, str]:
    """What a unit is given: the settings of the environment file, and of the guide's shell only what is no setting."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("TALKTIME_", "OTEL_"))}
    defaults = {name: os.environ[name] for name in ("TALKTIME_MACHINE", "TALKTIME_PORT") if name in os.environ}
    return shell | defaults | settings_in(machine / "etc" / "talktime" / "talktime.env")


def settings_in(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines() if file.exists() else []
    told = [line.split("=", 1) for line in lines if line.strip() and not line.startswith("#")]
    return {name: value.strip('"') for name, value in told}
