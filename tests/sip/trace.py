"""What was said, read from the log that sipp writes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

HEAD = re.compile(
    r"^-{20,} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})\n[A-Z]+ message (sent|received)[^\n]*\n\n", re.MULTILINE
)
CALL_ID = re.compile(r"^(?:Call-ID|i) *: *([^\r\n]*?)\r?$", re.MULTILINE | re.IGNORECASE)
CSEQ = re.compile(r"^CSeq *: *(\d+) +([A-Z]+)", re.MULTILINE | re.IGNORECASE)


class Message(NamedTuple):
    at: float
    is_sent: bool
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0].strip()

    @property
    def call_id(self) -> str:
        found = CALL_ID.search(self.text)
        return found[1] if found else ""

    @property
    def method(self) -> str:
        """Of the request, or of that which is answered."""
        found = CSEQ.search(self.text)
        return found[2] if found else ""

    @property
    def code(self) -> int | None:
        """None: it is a request."""
        return int(self.first_line.split()[1]) if self.first_line.startswith("SIP/2.0 ") else None


def messages(log: Path) -> list[Message]:
    pieces = HEAD.split(log.read_text(errors="replace") if log.exists() else "")
    return [
        Message(datetime.fromisoformat(at).timestamp(), way == "sent", text)
        for at, way, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
    ]


class Talk:
    """One call as one side of it has seen it."""

    def __init__(self, heard: Sequence[Message]) -> None:
        self.messages = list(heard)

    @property
    def codes(self) -> list[int]:
        """What was answered to INVITE, without repetitions."""
        return list(dict.fromkeys(one.code for one in self._of("INVITE") if one.code))

    @property
    def final(self) -> int | None:
        return next((code for code in self.codes if code >= 200), None)

    @property
    def words(self) -> str:
        """Of the final answer."""
        finals = [one for one in self._of("INVITE") if (one.code or 0) >= 200]
        return finals[0].first_line.partition(" ")[2] if finals else ""

    @property
    def asked_at(self) -> float:
        return self._first("INVITE").at

    @property
    def waited(self) -> float:
        """Seconds from the INVITE to its final answer."""
        return self._first("INVITE", self.final).at - self.asked_at

    @property
    def talked(self) -> float:
        """Seconds from the answer to the first BYE."""
        return self._first("BYE").at - self._first("INVITE", 200).at

    @property
    def ended_at(self) -> float:
        return self._first("BYE").at

    @property
    def was_hung_up(self) -> bool:
        """By the other side, or by who stands between."""
        ends = self._of("BYE")
        return bool(ends) and not ends[0].is_sent

    @property
    def is_over(self) -> bool:
        return bool(self._of("BYE")) or (self.final or 200) >= 300

    def answers_to(self, method: str) -> list[int]:
        return [one.code for one in self._of(method) if one.code]

    def _of(self, method: str) -> list[Message]:
        return [one for one in self.messages if one.method == method]

    def _first(self, method: str, code: int | None = None) -> Message:
        found = [one for one in self._of(method) if one.code == code]
        assert found, f"no {code or method} among {[one.first_line for one in self.messages]}"
        return found[0]


def talks(said: Sequence[Message]) -> dict[str, Talk]:
    """By their Call-IDs."""
    found: dict[str, list[Message]] = {}
    for one in said:
        found.setdefault(one.call_id, []).append(one)
    return {call_id: Talk(those) for call_id, those in found.items()}
