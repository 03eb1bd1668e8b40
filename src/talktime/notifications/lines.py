"""Lines to somebody else's servers: to the address that was checked, for so long and no longer."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from threading import Timer
from urllib.parse import SplitResult

from talktime.notifications.addresses import Internal, resolved


class Lines:
    def __init__(self, *, internal: bool, tls: ssl.SSLContext | None, seconds: float) -> None:
        self.internal = internal
        """Whether servers behind our own walls may be asked, and without TLS."""
        self._given = tls
        self._seconds = seconds

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made when it is needed: reading all that the system trusts takes its time."""
        return self._given or ssl.create_default_context()

    @contextmanager
    def connected(self, to: SplitResult) -> Iterator[http.client.HTTPConnection]:
        if to.scheme != "https" and not self.internal:
            raise Internal("only https")
        host, port = to.hostname or "", to.port or (443 if to.scheme == "https" else 80)
        address = resolved(host, port, internal=self.internal)
        with socket.create_connection((address, port), timeout=self._seconds) as plain, self._in_time(plain):
            line = self._tls.wrap_socket(plain, server_hostname=host) if to.scheme == "https" else plain
            with line:
                connection = http.client.HTTPConnection(host, port)
                connection.sock = line
                try:
                    yield connection
                finally:
                    connection.close()

    @contextmanager
    def _in_time(self, line: socket.socket) -> Iterator[None]:
        """Who sends a byte now and then would keep us for ever: when the time is over the line is cut."""
        # A copy, since wrapping the line for TLS takes it out of its object.
        with line.dup() as copy:
            timer = Timer(self._seconds, _cut, (copy,))
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
                timer.join()


def _cut(line: socket.socket) -> None:
    # It may be over already.
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def target_of(to: SplitResult) -> str:
    """What is asked for there."""
    return f"{to.path or '/'}?{to.query}" if to.query else to.path or "/"
