"""One FastAGI conversation: what Asterisk says of its channel, and what is asked of the channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from talktime.integrations.asterisk.lines import Lines, Malformed

FACTS_MAX = 100
VALUE_CHARACTERS_MAX = 512
_REPLY = re.compile(r"200 result=(-?[0-9]{1,9})(?: \((.*)\))?")


class Reply(NamedTuple):
    result: int
    value: str | None


class Conversation:
    def __init__(self, lines: Lines, send: Callable[[bytes], None]) -> None:
        self._lines, self._send = lines, send
        self.facts = facts_of(lines)
        """`agi_channel` and the like."""

    def get(self, name: str) -> str:
        """A variable of the channel; empty where it has none."""
        return self._ask(f"GET VARIABLE {name}").value or ""

    def set(self, name: str, value: object) -> None:
        self._ask(f'SET VARIABLE {name} "{quoted(str(value))}"')

    def hang_up_after(self, seconds: int) -> None:
        """Counted from now, ringing included; also when we are gone."""
        self._ask(f"SET AUTOHANGUP {seconds}")

    def _ask(self, command: str) -> Reply:
        self._send(f"{command}\n".encode())
        return reply_of(self._lines)


def facts_of(lines: Lines) -> Mapping[str, str]:
    """Lines of `name: value`, up to an empty one."""
    facts: dict[str, str] = {}
    while line := lines.next():
        name, found, value = line.partition(": ")
        if not found and not line.endswith(":"):
            raise Malformed("a line without a name")
        if len(facts) >= FACTS_MAX:
            raise Malformed(f"more than {FACTS_MAX} facts")
        facts.setdefault(name.removesuffix(":"), value)
    return facts


def reply_of(lines: Lines) -> Reply:
    line = lines.next()
    while line == "HANGUP":
        # The channel has gone; its variables are still there.
        line = lines.next()
    found = _REPLY.fullmatch(line)
    if found is None or found[1] == "-1":
        raise Malformed(f"Asterisk did not do it: {line[:100]}")
    return Reply(int(found[1]), found[2])


def quoted(value: str) -> str:
    """Within the quotation marks of a command: nothing ends them, nothing begins another line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in value[:VALUE_CHARACTERS_MAX])
    return plain.replace("\\", "\\\\").replace('"', '\\"')
