"""Posts a message to somebody else's server: to the address that was checked, without following where it points."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from urllib.parse import urlsplit

from talktime.notifications.addresses import Internal, resolved
from talktime.notifications.outcomes import Fate, Outcome, failed

SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 1 << 16
GONE = 410
"""The receiver says that it will never want this again."""
HEADERS = {"content-type": "application/json", "user-agent": "Talktime-Webhooks/1", "connection": "close"}


class Hooks:
    def __init__(self, *, internal: bool = False, tls: ssl.SSLContext | None = None, seconds: float = SECONDS_MAX):
        self.internal = internal
        """Whether servers behind our own walls may be asked, and without TLS."""
        self._tls = tls or ssl.create_default_context()
        self._seconds = seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            status = self._status(url, {**HEADERS, **headers}, body)
        except Internal as error:
            return failed(Fate.REFUSED, error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return failed(Fate.AGAIN, error)
        if 200 <= status < 300:
            return Outcome(Fate.SENT, status)
        return failed(Fate.REFUSED if status == GONE else Fate.AGAIN, f"the server answered {status}", status)

    def _status(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        parts = urlsplit(url)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        with self._connected(parts.scheme, parts.hostname or "", parts.port) as connection:
            connection.request("POST", path, body, {**headers, "host": parts.netloc})
            with connection.getresponse() as answer:
                # What is said besides the status is not needed, but who is cut off in the middle may think it failed.
                with suppress(OSError, http.client.HTTPException):
                    answer.read(ANSWER_BYTES_MAX)
                return answer.status

    @contextmanager
    def _connected(self, scheme: str, host: str, port: int | None) -> Iterator[http.client.HTTPConnection]:
        if scheme != "https" and not self.internal:
            raise Internal("only https")
        port = port or (443 if scheme == "https" else 80)
        address = resolved(host, port, internal=self.internal)
        with socket.create_connection((address, port), timeout=self._seconds) as plain, self._in_time(plain):
            line = self._tls.wrap_socket(plain, server_hostname=host) if scheme == "https" else plain
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
