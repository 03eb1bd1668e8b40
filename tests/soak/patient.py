"""A switch that is told to come again later does so, with the same words."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from tests.load.caller import Caller, Question

AGAIN_SECONDS = 0.5


class Patient(Caller):
    """The waiting counts from the first time."""

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.turned_away = 0

    def _hear(self, asked: Question, answer: bytes) -> None:
        if answer.startswith(b"HTTP/1.1 503"):
            self.turned_away += 1
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._send, asked)
        else:
            super()._hear(asked, answer)

    async def _batch(self, operations: list[dict[str, Any]]) -> list[Any]:
        with suppress(KeyError):
            told = await super()._batch(operations)
            if all(one["status"] != 503 for one in told):
                return told
        self.turned_away += 1
        await asyncio.sleep(AGAIN_SECONDS)
        return await self._batch(operations)
