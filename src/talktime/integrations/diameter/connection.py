"""One peer: greeted, watched, answered, and closed when he cannot be understood."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import structlog

from talktime.integrations.diameter import avps as a
from talktime.integrations.diameter import messages
from talktime.integrations.diameter.avps import Avps, Wrong
from talktime.integrations.diameter.clients import Guests, Peer
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.credit_requests import CreditRequest, read_request
from talktime.integrations.diameter.messages import Identity, Message, Unreadable

log = structlog.get_logger("talktime.integrations")
GREETING_SECONDS_MAX = 10.0
GOODBYE_SECONDS_MAX = 2.0
REQUESTS_MAX = 256
"""Of one peer at once."""
UNSENT_BYTES_MAX = 1 << 20
"""A peer who does not listen is left."""
REBOOTING = 0
VENDOR = 0
PRODUCT = "Talktime"
_3GPP = 10415

Answer = Callable[[CreditRequest, Callable[[], None]], Awaitable[tuple[Code, Avps]]]
_ENDS = (Unreadable, asyncio.IncompleteReadError, ConnectionError, TimeoutError, OSError)


class House(NamedTuple):
    """What all connections have in common."""

    identity: Identity
    guests: Guests
    answer: Answer
    watchdog_seconds: float


class Connection:
    def __init__(self, house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._house, self._identity = house, house.identity
        self._reader, self._writer = reader, writer
        self._address, self._own_address = (writer.get_extra_info(name)[0] for name in ("peername", "sockname"))
        self._peer: Peer | None = None
        self._realm = ""
        self._next: asyncio.Task[Message] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._number = 0
        self._is_leaving = False

    async def run(self) -> None:
        try:
            async with asyncio.timeout(GREETING_SECONDS_MAX):
                greeting = await messages.next_message(self._reader)
            if self._greet(greeting):
                await self._listen()
        except _ENDS as error:
            log.info("peer gone", peer=self._peer and self._peer.host, address=self._address, why=str(error)[:200])
        except Exception:
            # A mistake of ours must cost one line, and not the others.
            log.exception("connection failed", address=self._address)
        finally:
            await self._close()

    async def leave(self) -> None:
        """We go: whoever has no answer yet gets it, and asks somebody else from now on."""
        self._is_leaving = True
        if self._running:
            await asyncio.wait(self._running, timeout=GOODBYE_SECONDS_MAX)
        if self._peer is not None:
            self._ask(messages.DISCONNECT, a.make(a.DISCONNECT_CAUSE, REBOOTING))

    # ------------------------------------------------------------------------------------------------- the greeting

    def _greet(self, greeting: Message) -> bool:
        if greeting.command != messages.CAPABILITIES or not greeting.is_request:
            raise Unreadable("it did not begin with a greeting")
        try:
            self._peer, self._realm = self._known(a.read(greeting.body))
        except Wrong as wrong:
            self._send(messages.refusal(greeting, self._identity, wrong, self._capabilities()))
            log.warning("peer refused", address=self._address, why=wrong.code.name)
            return False
        self._send(messages.answer(greeting, self._identity, Code.SUCCESS, self._capabilities()))
        log.info("peer connected", peer=self._peer.host, address=self._address)
        return True

    def _known(self, avps: Avps) -> tuple[Peer, str]:
        host, realm = a.needed_text(avps, a.ORIGIN_HOST), a.needed_text(avps, a.ORIGIN_REALM)
        peer = self._house.guests.peer(host.lower(), self._address)
        nested = [a.number(a.read(one.payload), a.AUTH_APPLICATION_ID) for one in a.every(avps, _VENDORS_OWN)]
        offered = {*nested, *(a.number([one], a.AUTH_APPLICATION_ID) for one in a.every(avps, a.AUTH_APPLICATION_ID))}
        if not offered & {messages.RO, messages.RELAY}:
            raise Wrong(Code.NO_COMMON_APPLICATION)
        return peer, realm.lower()

    def _capabilities(self) -> Avps:
        own = [a.make(a.VENDOR_ID, _3GPP), a.make(a.AUTH_APPLICATION_ID, messages.RO)]
        return [
            a.make(a.HOST_IP_ADDRESS, self._own_address.partition("%")[0]),
            a.make(a.VENDOR_ID, VENDOR),
            a.make(a.PRODUCT_NAME, PRODUCT),
            a.make(a.ORIGIN_STATE_ID, self._identity.state_id),
            a.make(a.SUPPORTED_VENDOR_ID, _3GPP),
            a.make(a.AUTH_APPLICATION_ID, messages.RO),
            a.make(_VENDORS_OWN, own),
        ]

    # ------------------------------------------------------------------------------------------------- listening

    async def _listen(self) -> None:
        """Who is silent is asked whether he is there; who does not say so is not."""
        is_asked = False
        while True:
            try:
                message = await self._within_the_watchdog()
            except _Silence:
                if is_asked:
                    raise Unreadable("it does not answer") from None
                self._ask(messages.WATCHDOG, a.make(a.ORIGIN_STATE_ID, self._identity.state_id))
                is_asked = True
                continue
            is_asked = False
            if not self._heard(message):
                return

    async def _within_the_watchdog(self) -> Message:
        self._next = self._next or asyncio.create_task(messages.next_message(self._reader))
        done, _ = await asyncio.wait([self._next], timeout=self._house.watchdog_seconds)
        if not done:
            raise _Silence
        message, self._next = self._next.result(), None
        return message

    def _heard(self, message: Message) -> bool:
        """False: nothing more will come."""
        if not message.is_request:
            return message.command != messages.DISCONNECT
        if message.flags & (messages.ERROR | 0x0F):
            self._refuse(message, Wrong(Code.INVALID_HDR_BITS))
        elif message.command == messages.WATCHDOG:
            state = a.make(a.ORIGIN_STATE_ID, self._identity.state_id)
            self._send(messages.answer(message, self._identity, Code.SUCCESS, [state]))
        elif message.command == messages.DISCONNECT:
            self._send(messages.answer(message, self._identity, Code.SUCCESS))
            return False
        else:
            self._begin(message)
        return True

    def _begin(self, message: Message) -> None:
        if message.application not in (messages.RO, messages.BASE):
            self._refuse(message, Wrong(Code.APPLICATION_UNSUPPORTED))
        elif (message.application, message.command) != (messages.RO, messages.CREDIT_CONTROL):
            self._refuse(message, Wrong(Code.COMMAND_UNSUPPORTED))
        elif self._is_leaving or len(self._running) >= REQUESTS_MAX:
            self._refuse(message, Wrong(Code.TOO_BUSY))
        else:
            task = asyncio.create_task(self._answer(message))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _answer(self, message: Message) -> None:
        try:
            asked = self._allowed(message)
            code, avps = await self._house.answer(
                asked, partial(self._abort, asked.session_id, asked.host, asked.realm)
            )
            self._send(messages.answer(message, self._identity, code, avps))
        except Wrong as wrong:
            self._refuse(message, wrong)
        except Exception:
            # A mistake of ours must cost one answer, and neither the connection nor the others.
            log.exception("request failed")
            self._refuse(message, Wrong(Code.UNABLE_TO_COMPLY))

    def _allowed(self, message: Message) -> CreditRequest:
        avps = a.read(message.body)
        host = a.text(avps, a.DESTINATION_HOST)
        if host is not None and host.lower() != self._identity.host:
            raise Wrong(Code.UNABLE_TO_DELIVER)
        realm = a.text(avps, a.DESTINATION_REALM)
        if realm is not None and realm.lower() != self._identity.realm:
            raise Wrong(Code.REALM_NOT_SERVED)
        asked = read_request(message)
        assert self._peer is not None
        if not self._peer.may_relay and (asked.host, asked.realm) != (self._peer.host, self._realm):
            raise Wrong(Code.AUTHORIZATION_REJECTED)
        return asked

    # ------------------------------------------------------------------------------------------------- sending

    def _refuse(self, message: Message, wrong: Wrong) -> None:
        log.info("request refused", peer=self._peer and self._peer.host, why=wrong.code.name, detail=wrong.detail)
        self._send(messages.refusal(message, self._identity, wrong))

    def _ask(self, command: int, *avps: Any) -> None:
        self._number += 1
        self._send(messages.request(command, self._identity, self._number, *avps))

    def _abort(self, session_id: str, host: str, realm: str) -> None:
        self._number += 1
        self._send(messages.abort(self._identity, self._number, session_id, host, realm))

    def _send(self, content: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(content)
        if self._writer.transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            self._writer.transport.abort()

    async def _close(self) -> None:
        """Answers that are being made are still sent where somebody might read them."""
        if self._next is not None:
            self._next.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=GOODBYE_SECONDS_MAX)
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS_MAX):
                await self._writer.wait_closed()


class _Silence(Exception):
    """Nothing was said for as long as a watchdog sleeps."""


_VENDORS_OWN = a.VENDOR_SPECIFIC_APPLICATION_ID
