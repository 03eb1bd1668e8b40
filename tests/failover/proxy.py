"""A wire between two programs that a test can hold still or cut, also in the middle of a COMMIT."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from threading import Event, Lock, Thread

PORTION = 1 << 16


class Cut(StrEnum):
    """Where the wire is cut when the COMMIT of a transaction comes by that has changed something."""

    BEFORE = "before the COMMIT arrives"
    AFTER = "before its answer arrives"


class Proxy:
    """Listens on a port of its own and passes on what comes to and from `target_port`, both on the loopback."""

    def __init__(self, target_port: int, host: str = "127.0.0.1") -> None:
        self._target = host, target_port
        self._listener = socket.create_server((host, 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._flows = Event()
        self._flows.set()
        self._refuses = False
        self._lock = Lock()
        self._links: list[Link] = []
        self.cut_at: Cut | None = None
        """The next COMMIT is the last thing that comes by. Then it is None again, and new links are let through."""
        self.stays_cut = False
        """Or they are not, until `heal`."""
        self.cuts = 0
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def stall(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def cut(self, *, refuse: bool = False) -> None:
        """All that are connected; with `refuse` nobody gets a new connection either, until `heal`."""
        self._refuses = refuse
        with self._lock:
            links = list(self._links)
        for link in links:
            link.cut()

    def heal(self) -> None:
        self._refuses = self.stays_cut = False
        self.flow()

    def close(self) -> None:
        self.cut(refuse=True)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        self._accepting.join()
        for link in self._links:
            link.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                client.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            link = Link(self, client, server)
            with self._lock:
                self._links.append(link)
            link.start()

    def wait_until_it_flows(self) -> None:
        self._flows.wait()

    def wants_cut(self, where: Cut) -> bool:
        """Whoever is told so does it."""
        with self._lock:
            if self.cut_at is not where:
                return False
            self.cut_at = None
            self.cuts += 1
            return True


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._asked, self._told = Asked(), Told()
        self._pumps: list[Thread] = []
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        ways = (
            (self._client, self._server, self._asked, Cut.BEFORE),
            (self._server, self._client, self._told, Cut.AFTER),
        )
        self._pumps = [Thread(target=self._pump, args=way, daemon=True) for way in ways]
        for pump in self._pumps:
            pump.start()

    def close(self) -> None:
        self.cut()
        for pump in self._pumps:
            pump.join()
        self._client.close()
        self._server.close()

    def cut(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _pump(self, source: socket.socket, target: socket.socket, messages: Messages, where: Cut) -> None:
        with suppress(OSError):
            while data := source.recv(PORTION):
                self._proxy.wait_until_it_flows()
                before = messages.before_commit(data)
                if before is not None and self._proxy.wants_cut(where):
                    # Hung up at both ends, so that what was passed on before is all that ever arrives.
                    target.sendall(before)
                    if self._proxy.stays_cut:
                        self._proxy.cut(refuse=True)
                    break
                target.sendall(data)
        self.cut()


class Messages:
    """The stream of one direction, as PostgreSQL's protocol divides it."""

    def __init__(self) -> None:
        self._rest = b""
        """A message that has not come whole; its beginning was passed on."""
        self._has_changed = False

    def before_commit(self, data: bytes) -> bytes | None:
        """What of `data` comes before a COMMIT; None when there is none in it."""
        passed_on = len(self._rest)
        self._rest += data
        start = 0
        found: int | None = None
        for end in self._ends():
            if self._is_commit(self._rest[start:end]) and found is None:
                found = start
            start = end
        self._rest = self._rest[start:]
        return None if found is None else data[: max(found - passed_on, 0)]

    def _ends(self) -> Iterator[int]:
        start = 0
        while (end := self._end(start)) is not None and end <= len(self._rest):
            yield end
            start = end

    def _end(self, start: int) -> int | None:
        if len(self._rest) < start + 5:
            return None
        return start + 1 + int.from_bytes(self._rest[start + 1 : start + 5])

    def _is_commit(self, message: bytes) -> bool:
        """Of a transaction that has changed a row."""
        word = self._word(message)[:6]
        if word in (b"INSERT", b"UPDATE", b"DELETE"):
            self._has_changed = True
        elif word in (b"BEGIN", b"COMMIT", b"ROLLBA"):
            was, self._has_changed = self._has_changed, False
            return was and word == b"COMMIT"
        return False

    def _word(self, message: bytes) -> bytes:
        """With which a statement, or the answer to it, begins."""
        raise NotImplementedError


class Asked(Messages):
    """What a client says. Encryption must be off (`?sslmode=disable`)."""

    def __init__(self) -> None:
        super().__init__()
        self._has_begun = False
        self._texts: dict[bytes, bytes] = {}
        """Of prepared statements, by their names."""

    def _end(self, start: int) -> int | None:
        if self._has_begun:
            return super()._end(start)
        if len(self._rest) < 4:
            return None
        # The first message has no letter.
        return int.from_bytes(self._rest[:4])

    def _word(self, message: bytes) -> bytes:
        if not self._has_begun:
            self._has_begun = True
            return b""
        words = message[5:].split(b"\0")
        match message[:1]:
            case b"Q":
                return words[0]
            case b"P":
                self._texts[words[0]] = words[1]
            case b"B":
                return self._texts[words[1]]
        return b""


class Told(Messages):
    """What the server answers."""

    def _word(self, message: bytes) -> bytes:
        return message[5:-1] if message[:1] == b"C" else b""


@contextmanager
def proxied(target_port: int) -> Iterator[Proxy]:
    proxy = Proxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
