"""A wire to a server of the tests that is cut where a test wants it: after so many bytes, or when a word has come by.

with Proxy(cluster.port) as proxy:
    proxy.cut = Cut(asked=1000)             # a thousand bytes of the client arrive, not one more
    proxy.cut = Cut(after=(b"COMMIT\\0",))   # the word arrives and is answered, and the answer is lost
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Self

PORTION = 1 << 16
SPLIT = 6
"""A word of one byte more may come in two portions; a longer one is taken to come in one."""


@dataclass
class Cut:
    """Whichever comes first. Afterwards the proxy works as before, unless it `stays` cut."""

    asked: int | None = None
    """So many bytes of the client still arrive."""
    told: int | None = None
    """So many bytes of the server still arrive."""
    after: Sequence[bytes] = ()
    """When the client has said one of these, its server answers, and nobody hears it."""
    stays: bool = False
    """Who comes again is sent away, until `heal`."""


class Proxy:
    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.cut: Cut | None = None
        self.cuts = 0
        self.silent = False
        """Nothing comes through any more, and nobody is told."""
        self._down = False
        self._lock = Lock()
        self._links: list[Thread] = []
        self._closing = False
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def links(self) -> int:
        """How many have ever come."""
        return len(self._links)

    def heal(self) -> None:
        self.cut = None
        self.silent = False
        self._down = False

    def close(self) -> None:
        self._closing = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._accepting, *self._links):
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._down:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._target_port))
            link = Thread(target=self._pump, args=(client, server), daemon=True)
            self._links.append(link)
            link.start()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, suppress(OSError):
            heard = b""
            while not self._closing:
                readable, _, _ = select.select([client, server], [], [], 0.05)
                if self.silent:
                    time.sleep(0.01)
                    continue
                if self._down:
                    return
                for source in readable:
                    portion = source.recv(PORTION)
                    if not portion:
                        return
                    asked = source is client
                    length = self._allowed(len(portion), asked)
                    (server if asked else client).sendall(portion[:length])
                    if length < len(portion):
                        return
                    if asked:
                        if self._said(heard + portion):
                            # It is answered, so it was done.
                            server.recv(1)
                            return
                        heard = portion[-SPLIT:]

    def _allowed(self, length: int, asked: bool) -> int:
        """How many of so many bytes may go on."""
        with self._lock:
            left = None if self.cut is None else self.cut.asked if asked else self.cut.told
            if self.cut is None or left is None:
                return length
            if length < left:
                if asked:
                    self.cut.asked = left - length
                else:
                    self.cut.told = left - length
                return length
            self._done(self.cut)
            return min(left, length - 1)

    def _said(self, heard: bytes) -> bool:
        with self._lock:
            if self.cut is None or not any(word in heard for word in self.cut.after):
                return False
            self._done(self.cut)
            return True

    def _done(self, cut: Cut) -> None:
        self._down = cut.stays
        self.cut = None
        self.cuts += 1
