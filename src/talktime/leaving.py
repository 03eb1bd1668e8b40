"""The end of a server: who still asks is answered, and learns that the next request belongs elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from talktime.supervisor import Stop
from talktime.web.asgi import respond

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Door = Callable[..., Awaitable[None]]

CHECKS = ("/healthz", "/readyz")
CLOSE = (b"connection", b"close")


class Leaving:
    """Nothing changes until the server is asked to stop. From then on each answer ends its connection, and balancers
    hear that nobody should come any more."""

    def __init__(self, door: Door, stop: Stop) -> None:
        self._door = door
        self._stop = stop

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        if not self._stop.asked:
            return self._door(scope, receive, send)
        last = _last(send)
        if scope.get("path") in CHECKS:
            return respond(last, 503, b"leaving\n", "text/plain; charset=utf-8")
        return self._door(scope, receive, last)


def _last(send: Send) -> Send:
    """A connection that is closed only after an answer that says so loses no request."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], CLOSE]}
        await send(message)

    return told
