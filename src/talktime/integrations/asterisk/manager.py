"""A small client of the Asterisk Manager Interface: it moves the end of a call, and ends one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from itertools import count
from threading import Lock
from typing import NamedTuple

from talktime.integrations.asterisk.lines import Gone, Lines, Malformed, is_plain, receiving

SECONDS_MAX = 2.0
LINES_MAX = 2000
"""Of one answer, with events that nobody asked for."""


class ManagerFailed(Exception):
    """Nobody knows whether it was done."""


class Account(NamedTuple):
    host: str
    port: int
    user: str
    secret: str


class Manager:
    """One connection, made when it is needed and again when it is lost."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._line: _Line | None = None
        self._turn = Lock()

    def hang_up_after(self, channel: str, seconds: int) -> bool:
        """Counted from now. False: there is no such channel any more."""
        return self._did("AbsoluteTimeout", Channel=channel, Timeout=str(seconds))

    def hang_up(self, channel: str) -> bool:
        return self._did("Hangup", Channel=channel)

    def check(self) -> None:
        """Whether it can be reached, and the account is right."""
        with self._turn:
            self._ask("Ping", {})

    def close(self) -> None:
        if self._line is not None:
            self._line.connection.close()
            self._line = None

    def _did(self, action: str, **fields: str) -> bool:
        with self._turn:
            if self._line is not None:
                try:
                    return self._ask(action, fields)
                except ManagerFailed:
                    # Asterisk may have been started anew since; asking twice does no harm.
                    pass
            return self._ask(action, fields)

    def _ask(self, action: str, fields: Mapping[str, str]) -> bool:
        try:
            return self._connected().did(action, fields)
        except (OSError, Gone, Malformed) as error:
            self.close()
            raise ManagerFailed(f"the manager interface failed: {error}") from error

    def _connected(self) -> _Line:
        if self._line is None:
            account = self._account
            self._line = _Line(socket.create_connection((account.host, account.port), SECONDS_MAX))
            if not self._line.did("Login", {"Username": account.user, "Secret": account.secret, "Events": "off"}):
                raise Malformed("it does not let us in: look at the account in manager.conf")
        return self._line


class _Line:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._numbers = count(1)
        self._lines = Lines(receiving(connection, SECONDS_MAX), 1)
        self._lines.next()

    def did(self, action: str, fields: Mapping[str, str]) -> bool:
        asked = str(next(self._numbers))
        self.connection.sendall(written({"Action": action, "ActionID": asked, **fields}))
        self._lines.allow(receiving(self.connection, SECONDS_MAX), LINES_MAX)
        answer = message_of(self._lines)
        while answer.get("actionid") != asked:
            # An event that nobody asked for.
            answer = message_of(self._lines)
        return answer.get("response") == "Success"


def written(fields: Mapping[str, str]) -> bytes:
    """A value with a line of its own in it would be another order."""
    if not all(map(is_plain, fields.values())):
        raise Malformed("a value has control characters")
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"


def message_of(lines: Lines) -> Mapping[str, str]:
    """Names in small letters; of a name that comes twice the first."""
    message: dict[str, str] = {}
    while line := lines.next():
        name, _, value = line.partition(":")
        message.setdefault(name.strip().lower(), value.strip())
    return message
