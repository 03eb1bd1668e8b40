"""A channel as Asterisk would have one, to try the door without an Asterisk: it asks, and does what it is told."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from time import monotonic

from talktime.integrations.asterisk.lines import Gone, Lines, receiving

SECONDS_MAX = 20.0
LINES_MAX = 200
_SET = re.compile(r'SET VARIABLE (\S+) "(.*)"')
_GET = re.compile(r"GET VARIABLE (\S+)")
_END = re.compile(r"SET AUTOHANGUP ([0-9]+)")


class Channel:
    def __init__(self, host: str, port: int, extension: str, caller: str = "unknown", name: str = "Try/1-0001") -> None:
        self._address, self.name = (host, port), name
        self._facts = {"agi_channel": name, "agi_callerid": caller, "agi_extension": extension}
        self.variables: dict[str, str] = {}
        self.ends_at: float | None = None

    def ask(self, script: str, **facts: str) -> None:
        """`script` is what stands behind `agi://host/`. Returns when the server has hung up."""
        with socket.create_connection(self._address, SECONDS_MAX) as line:
            told = {"agi_network": "yes", "agi_network_script": script, **self._facts, **facts}
            line.sendall(_written(told))
            lines = Lines(receiving(line, SECONDS_MAX), LINES_MAX)
            try:
                while True:
                    line.sendall(f"{self._obey(lines.next())}\n".encode())
            except (Gone, OSError):
                return

    def _obey(self, command: str) -> str:
        if found := _SET.fullmatch(command):
            self.variables[found[1]] = re.sub(r"\\(.)", r"\1", found[2])
            return "200 result=1"
        if found := _GET.fullmatch(command):
            value = self.variables.get(found[1])
            return f"200 result=1 ({value})" if value else "200 result=0"
        if found := _END.fullmatch(command):
            self.ends_at = monotonic() + int(found[1])
            return "200 result=0"
        return "510 Invalid or unknown command"


def _written(facts: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\n" for name, value in facts.items()).encode() + b"\n"
