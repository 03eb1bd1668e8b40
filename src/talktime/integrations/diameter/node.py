"""Where peers connect, from the bound socket to the clean end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from talktime.integrations.diameter.charging import Charging
from talktime.integrations.diameter.clients import Guests
from talktime.integrations.diameter.connection import GOODBYE_SECONDS_MAX, Connection, House
from talktime.integrations.diameter.messages import BYTES_MAX, Identity

CONNECTIONS_MAX = 200
WATCHDOG_SECONDS = 30.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Node:
    def __init__(
        self, identity: Identity, guests: Guests, charging: Charging, watchdog_seconds: float = WATCHDOG_SECONDS
    ) -> None:
        self._house = House(identity, guests, charging.answer, watchdog_seconds)
        self._charging = charging
        self._connections: dict[Connection, asyncio.Task[None]] = {}

    async def serve(self, host: str, port: int, announce: Callable[[str, int], None]) -> None:
        """Until SIGTERM or SIGINT. `announce` is told the address when peers may connect."""
        stop = asyncio.Event()
        _tell_of_signals(asyncio.get_running_loop(), stop)
        server = await asyncio.start_server(self._connected, host, port, limit=BYTES_MAX)
        looking = asyncio.create_task(self._charging.look_after(str(self._house.identity.state_id)))
        announce(*server.sockets[0].getsockname()[:2])
        await stop.wait()
        server.close()
        looking.cancel()
        await self._leave()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Who has gone already has no address any more.
        if len(self._connections) >= CONNECTIONS_MAX or writer.get_extra_info("peername") is None:
            writer.transport.abort()
            return
        connection = Connection(self._house, reader, writer)
        task = asyncio.create_task(connection.run())
        self._connections[connection] = task
        task.add_done_callback(lambda _: self._connections.pop(connection))

    async def _leave(self) -> None:
        await asyncio.gather(*(connection.leave() for connection in self._connections))
        tasks = list(self._connections.values())
        if tasks:
            await asyncio.wait(tasks, timeout=GOODBYE_SECONDS_MAX)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


def _tell_of_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """It stays when the loop has ended: whoever asks twice must not lose the last reports."""

    def told(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    for one in STOP_SIGNALS:
        signal.signal(one, told)
