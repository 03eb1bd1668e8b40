"""The application: requests of one session in their order, each answered once however often it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from talktime.integrations.diameter.avps import Avps, Wrong
from talktime.integrations.diameter.calls import Calls
from talktime.integrations.diameter.clients import Account, Directory
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.credit_answers import Reply, avps_of
from talktime.integrations.diameter.credit_requests import CreditRequest
from talktime.integrations.diameter.sessions import Session, Sessions
from talktime.integrations.platform import NoDecision

log = structlog.get_logger("talktime.integrations")
ASKING_MAX = 64
"""So many wait for the platform at once; whoever comes then is told so, and does not queue."""
BEAT_SECONDS = 5.0


class Charging:
    def __init__(self, calls: Calls, directory: Directory) -> None:
        self._calls, self._directory = calls, directory
        self._sessions = Sessions()
        self._threads = ThreadPoolExecutor(ASKING_MAX, "diameter")
        self._asking = 0

    async def answer(self, asked: CreditRequest, abort: Callable[[], None]) -> tuple[Code, Avps]:
        """Raises Wrong for what says nothing about the call. `abort` tells its client that it must end."""
        account = self._directory.account(asked)
        session = self._sessions.session(account.organization, asked.call_id)
        session.abort = abort
        async with session.lock:
            reply = session.told(asked) or await self._reply(asked, account, session)
        return reply.code, avps_of(asked, reply)

    async def _reply(self, asked: CreditRequest, account: Account, session: Session) -> Reply:
        try:
            reply = await self._decided(asked, account, session)
        except Wrong as wrong:
            if wrong.code.is_protocol_error:
                raise
            reply = Reply(wrong.code, detail=wrong.detail)
        session.remember(asked, reply)
        self._sessions.keep(session, reply.piece.valid_seconds if reply.piece else 0)
        return reply

    async def _decided(self, asked: CreditRequest, account: Account, session: Session) -> Reply:
        if self._asking >= ASKING_MAX:
            raise Wrong(Code.TOO_BUSY)
        self._asking += 1
        try:
            decide = asyncio.get_running_loop().run_in_executor(
                self._threads, self._calls.decide, asked, account, session
            )
            return await asyncio.shield(decide)
        finally:
            self._asking -= 1

    async def look_after(self, boot_id: str) -> None:
        """For ever: what the platform wants to be ended is ended, and what is over is forgotten."""
        while True:
            try:
                self._sessions.end(frozenset(await asyncio.to_thread(self._calls.to_hang_up, boot_id)))
            except NoDecision as error:
                log.warning("the platform does not say what must end", why=str(error))
            self._sessions.forget()
            await asyncio.sleep(BEAT_SECONDS)

    def close(self) -> None:
        self._threads.shutdown()
