"""Bytes that no client sends: read without a server, and sent to a running one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import suppress

from talktime.integrations.diameter import messages
from talktime.integrations.diameter.avps import Wrong
from talktime.integrations.diameter.credit_requests import read_request
from talktime.integrations.diameter.messages import HEADER_BYTES, Identity, Unreadable
from talktime.web.problems import Problem
from tests.integrations.diameter.client import EVENT, INITIAL, TERMINATION, UPDATE, Client, Closed, ccr, greeting

WE = Identity("ocs.example.net", "example.net", 1)
HOST = "switch0.example.net"
PARTIES = {"user": "sip:desk@example.com", "to": "tel:+442079460123"}
BYTES = (b"\0", b"\xff", b"\x80", b"\x40", b"\x7f", b"\0\0\0", b"\xff\xff\xff", b"\0\0\x08", b"\0\0\x07", b"\0\0\x0c")
LONG = (b"\0" * 4000, b"\xff" * 4000, b"\0\0\x01\xc8\x40\0\0\x08" * 600, b"A" * 30_000)


def seeds() -> list[bytes]:
    """One of each kind, with all that calls have."""
    about = (HOST, "example.net", "hostile;1;1")
    made = [
        greeting(HOST),
        ccr(*about, INITIAL, 0, wanted=30, **PARTIES),
        ccr(*about, UPDATE, 1, wanted=30, used=20, **PARTIES),
        ccr(*about, TERMINATION, 2, used=20, plain=True),
        ccr(*about, EVENT, 0, action=2, wanted=30, **PARTIES),
    ]
    return [bytes(one.as_bytes()) for one in made]


def nested(depth: int) -> bytes:
    """Services in services in services."""
    inside = b""
    for _ in range(depth):
        inside = bytes.fromhex("000001c840") + (len(inside) + 8).to_bytes(3) + inside
    return inside


class Spoiler:
    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def spoiled(self, known: Sequence[bytes]) -> bytes:
        """Mostly with a length that is true, so that what is inside is read."""
        content = bytearray(self._dice.choice(known))
        for _ in range(self._dice.choice((1, 1, 2, 3, 8, 30))):
            self._dice.choice((self._flip, self._put, self._cut, self._double, self._shorten))(content)
        if self._dice.random() < 0.8:
            content += bytes(-len(content) % 4)
            content[:4] = b"\x01" + min(len(content), 0xFFFFFF).to_bytes(3)
        return bytes(content)

    def _place(self, content: bytearray) -> int:
        return self._dice.randrange(min(4, len(content)), len(content) + 1)

    def _flip(self, content: bytearray) -> None:
        if place := self._place(content):
            content[place - 1] = self._dice.randrange(256)

    def _put(self, content: bytearray) -> None:
        place, piece = self._place(content), self._dice.choice((*BYTES, *BYTES, *LONG, nested(900)))
        content[place : place + self._dice.choice((0, len(piece)))] = piece

    def _cut(self, content: bytearray) -> None:
        place = self._place(content)
        del content[place : place + self._dice.choice((1, 4, 8, 40))]

    def _double(self, content: bytearray) -> None:
        start, end = sorted((self._place(content), self._place(content)))
        content[end:end] = content[start:end]
        del content[60_000:]

    def _shorten(self, content: bytearray) -> None:
        """The length of some part."""
        place = self._dice.randrange(5) * 4 + HEADER_BYTES + 5
        if place + 3 < len(content):
            content[place : place + 3] = self._dice.randrange(300).to_bytes(3)


def read(raw: bytes) -> object:
    """As a running door does: read, and answered in any case."""
    try:
        messages.length_of(raw[:HEADER_BYTES].ljust(HEADER_BYTES, b"\0"))
        message = messages.read(raw.ljust(HEADER_BYTES, b"\0"))
        return read_request(message)
    except Wrong as wrong:
        messages.refusal(messages.read(raw.ljust(HEADER_BYTES, b"\0")), WE, wrong)
        raise Problem(422, "not_accepted") from wrong
    except Unreadable as error:
        raise Problem(400, "unreadable") from error


def spoiled(count: int, seed: int) -> Iterator[bytes]:
    spoiler, known = Spoiler(seed), seeds()
    for _ in range(count):
        yield spoiler.spoiled(known)


def attack(port: int, count: int, seed: int) -> int:
    """To a running door, as somebody it knows; how often it has closed the line."""
    closed, line = 0, None
    for raw in spoiled(count, seed):
        if line is None:
            line = Client(port, HOST)
            line.greet()
        with suppress(TimeoutError):
            try:
                line.send(raw)
                line.socket.settimeout(0.02)
                line.receive(also_watchdogs=True)
            except (Closed, ConnectionError):
                closed += 1
                line.socket.close()
                line = None
    if line is not None:
        line.socket.close()
    return closed
