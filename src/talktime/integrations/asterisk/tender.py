"""Looks after answered calls: more time before the grant ends, and the end of those that must end."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from time import monotonic

import structlog

from talktime.integrations.asterisk.calls import Call, Calls
from talktime.integrations.asterisk.manager import Manager, ManagerFailed
from talktime.integrations.platform import NoDecision, Platform

log = structlog.get_logger("talktime.asterisk")
LOOK_SECONDS = 0.05
AGAIN_SECONDS = 2
BEAT_SECONDS = 5.0
THREADS = 8


class Tender:
    def __init__(self, platform: Platform, manager: Manager, calls: Calls, switch: str) -> None:
        self._platform, self._manager, self._calls, self._switch = platform, manager, calls, switch
        self._boot_id = secrets.token_hex(8)
        self._over = Event()
        self._hands = ThreadPoolExecutor(THREADS, "tender")
        self._threads = [Thread(target=run, daemon=True) for run in (self._look, self._beat)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._hands.shutdown()
        self._manager.close()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for call in self._calls.due():
                self._hands.submit(self._tend, call)

    def _tend(self, call: Call) -> None:
        try:
            call.look_again(self._moved(call))
        except (ManagerFailed, NoDecision) as error:
            # It goes on until the end that Asterisk knows.
            log.warning("a call could not be looked after", call_id=call.call_id, why=str(error))
            call.look_again(AGAIN_SECONDS)

    def _moved(self, call: Call) -> int:
        """The end of the call as far as it is granted, and in how many seconds to look again."""
        now = monotonic()
        if call.left(now) < 1:
            return AGAIN_SECONDS
        # First the channel is looked for: nothing more is held for a call that is no more.
        if not self._manager.hang_up_after(call.channel, call.left(now)):
            log.warning("a channel is gone", call_id=call.call_id)
            self._calls.remove(call.call_id)
            return AGAIN_SECONDS
        wait = call.extend_after_seconds - int(call.talked(now))
        return wait if wait > 0 else self._extended(call)

    def _extended(self, call: Call) -> int:
        extended = self._platform.extend(call.named | {"granted_seconds": call.granted_seconds})
        if extended.granted_seconds <= call.granted_seconds:
            return AGAIN_SECONDS
        call.granted_seconds = extended.granted_seconds
        call.extend_after_seconds = extended.extend_after_seconds
        self._manager.hang_up_after(call.channel, call.left(monotonic()))
        return max(call.extend_after_seconds - int(call.talked(monotonic())), AGAIN_SECONDS)

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            try:
                for call_id in self._platform.heartbeat(self._switch, self._boot_id, self._calls.ids):
                    self._hang_up(call_id)
            except (ManagerFailed, NoDecision) as error:
                log.warning("no heartbeat", why=str(error))

    def _hang_up(self, call_id: str) -> None:
        call = self._calls.find(call_id)
        if call is not None and not call.emergency:
            log.info("a call is hung up", call_id=call_id)
            self._manager.hang_up(call.channel)
