"""Lines of a peer that may be anybody: none too long, not too many, not for ever."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import monotonic

LINE_BYTES_MAX = 4096
PIECE_BYTES = 4096

Receive = Callable[[int], bytes]


class Gone(Exception):
    """The peer has hung up, or says nothing."""


class Malformed(Exception):
    """What came is none of the protocol's."""


class Lines:
    def __init__(self, receive: Receive, lines_max: int) -> None:
        self._left = b""
        self.allow(receive, lines_max)

    def allow(self, receive: Receive, lines_max: int) -> None:
        """From now on so many, and no longer than `receive` waits."""
        self._receive, self._lines_left = receive, lines_max

    def next(self) -> str:
        self._lines_left -= 1
        if self._lines_left < 0:
            raise Malformed("too many lines")
        while (end := self._left.find(b"\n")) < 0:
            self._check(len(self._left))
            self._left += self._more()
        self._check(end)
        line, self._left = self._left[:end], self._left[end + 1 :]
        return _text(line.removesuffix(b"\r"))

    def _more(self) -> bytes:
        piece = self._receive(PIECE_BYTES)
        if not piece:
            raise Gone("the connection has ended")
        return piece

    def _check(self, length: int) -> None:
        if length > LINE_BYTES_MAX:
            raise Malformed(f"a line is longer than {LINE_BYTES_MAX} bytes")


def _text(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    if not is_plain(text):
        raise Malformed("a line has control characters")
    return text


def is_plain(text: str) -> bool:
    """Nothing in it could end a line and begin another."""
    return not any(letter < " " or letter == "\x7f" for letter in text)


def receiving(connection: socket.socket, seconds: float) -> Receive:
    """Until so many seconds from now, whatever the peer dribbles."""
    until = monotonic() + seconds

    def receive(size: int) -> bytes:
        left = until - monotonic()
        if left <= 0:
            raise Gone("the peer takes too long")
        connection.settimeout(left)
        try:
            return connection.recv(size)
        except OSError as error:
            raise Gone(f"the peer does not answer: {error}") from error

    return receive
