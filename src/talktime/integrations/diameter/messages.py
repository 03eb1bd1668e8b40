"""Diameter messages on the wire: bounded when read, complete when answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from diameter.message import Message as Encoded
from diameter.message import MessageHeader

from talktime.integrations.diameter import avps as a
from talktime.integrations.diameter.avps import Avps
from talktime.integrations.diameter.codes import Code

HEADER_BYTES = 20
BYTES_MAX = 1 << 15
"""A report about a call has some one thousand."""
WHOLE_SECONDS_MAX = 10.0
"""Between the first byte of a message and its last."""

REQUEST, PROXIABLE, ERROR, RETRANSMITTED = 0x80, 0x40, 0x20, 0x10
CAPABILITIES, WATCHDOG, DISCONNECT, ABORT, CREDIT_CONTROL = 257, 280, 282, 274, 272
BASE, RO, RELAY = 0, 4, 0xFFFFFFFF
"""Applications: what all peers speak, credit control, and whoever hands on any."""


class Unreadable(Exception):
    """Nobody knows where the next message would begin: the connection is closed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are."""

    host: str
    realm: str
    state_id: int
    """Another one says that we have begun anew."""

    @property
    def avps(self) -> Avps:
        return [a.make(a.ORIGIN_HOST, self.host), a.make(a.ORIGIN_REALM, self.realm)]


@dataclass(frozen=True, slots=True)
class Message:
    flags: int
    command: int
    application: int
    hop_by_hop: int
    end_to_end: int
    body: bytes

    @property
    def is_request(self) -> bool:
        return bool(self.flags & REQUEST)

    @property
    def is_retransmitted(self) -> bool:
        return bool(self.flags & RETRANSMITTED)


async def next_message(reader: asyncio.StreamReader) -> Message:
    """Waits for ever for the first byte, and not long for the rest."""
    first = await reader.readexactly(1)
    async with asyncio.timeout(WHOLE_SECONDS_MAX):
        head = first + await reader.readexactly(HEADER_BYTES - 1)
        return read(head + await reader.readexactly(length_of(head) - HEADER_BYTES))


def length_of(head: bytes) -> int:
    version, length = head[0], int.from_bytes(head[1:4])
    if version != 1 or length % 4 or not HEADER_BYTES <= length <= BYTES_MAX:
        raise Unreadable(f"version {version}, {length} bytes")
    return length


def read(raw: bytes) -> Message:
    head = MessageHeader.from_bytes(raw)
    ids = (head.hop_by_hop_identifier, head.end_to_end_identifier)
    return Message(head.command_flags, head.command_code, head.application_id, *ids, raw[HEADER_BYTES:])


def request(command: int, identity: Identity, number: int, *more: Any) -> bytes:
    """One of ours that belongs to the connection."""
    head = MessageHeader(1, 0, REQUEST, command, BASE, number, number)
    return bytes(Encoded(head, [*identity.avps, *more]).as_bytes())


def abort(identity: Identity, number: int, session_id: str, host: str, realm: str) -> bytes:
    """One of ours that belongs to a session: its call must end."""
    head = MessageHeader(1, 0, REQUEST | PROXIABLE, ABORT, RO, number, number)
    where = [a.make(a.DESTINATION_REALM, realm), a.make(a.DESTINATION_HOST, host)]
    told = [a.make(a.SESSION_ID, session_id), *identity.avps, *where, a.make(a.AUTH_APPLICATION_ID, RO)]
    return bytes(Encoded(head, told).as_bytes())


def answer(asked: Message, identity: Identity, code: Code, more: Iterable[Any] = ()) -> bytes:
    """Begins with the session and ends with what agents on the way want back."""
    received = _readable(asked)
    flags = asked.flags & PROXIABLE | (ERROR if code.is_protocol_error else 0)
    head = MessageHeader(1, 0, flags, asked.command, asked.application, asked.hop_by_hop, asked.end_to_end)
    begin = [avp for avp in received if (avp.code, avp.vendor_id) == a.SESSION_ID][:1]
    told = [*begin, a.make(a.RESULT_CODE, int(code)), *identity.avps, *more, *a.every(received, a.PROXY_INFO)]
    return bytes(Encoded(head, told).as_bytes())


def refusal(asked: Message, identity: Identity, wrong: a.Wrong, more: Iterable[Any] = ()) -> bytes:
    blamed = [] if wrong.avp is None else [a.failed(wrong.avp)]
    said = [a.make(a.ERROR_MESSAGE, wrong.detail)] if wrong.detail else []
    return answer(asked, identity, wrong.code, [*more, *said, *blamed])


def _readable(asked: Message) -> Avps:
    try:
        return a.read(asked.body)
    except a.Wrong:
        return ()
