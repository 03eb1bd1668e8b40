"""FastAGI over TCP: a thread for each conversation, and not more of them than are good for us."""

from __future__ import annotations

import socket
from collections.abc import Callable
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import BoundedSemaphore, Thread
from typing import Any

import structlog

from talktime.integrations.asterisk.conversation import Conversation
from talktime.integrations.asterisk.lines import Gone, Lines, Malformed, receiving

log = structlog.get_logger("talktime.asterisk")
CONNECTIONS_MAX = 256
LINES_MAX = 200
SECONDS_MAX = 15.0
"""Of a whole conversation: the platform has two of them, Asterisk the rest."""

Serve = Callable[[Conversation], None]


class AgiServer:
    def __init__(self, host: str, port: int, serve: Serve) -> None:
        self._tcp = _Tcp((host, port), serve)
        self._host, self._port = host, int(self._tcp.server_address[1])
        self._thread = Thread(target=self._tcp.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"agi://{self._host}:{self._port}"

    def close(self) -> None:
        """What has begun is brought to its end."""
        self._tcp.shutdown()
        self._thread.join()
        self._tcp.server_close()


class _Tcp(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], serve: Serve) -> None:
        self.serve = serve
        self.places = BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(address, _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Asterisk takes a closed connection for a failure, and there is no call."""
        has_place = self.places.acquire(blocking=False)
        if not has_place:
            log.warning("too many conversations", most=CONNECTIONS_MAX)
        return has_place


class _Handler(BaseRequestHandler):
    server: _Tcp
    request: socket.socket

    def handle(self) -> None:
        try:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            lines = Lines(receiving(self.request, SECONDS_MAX), LINES_MAX)
            self.server.serve(Conversation(lines, self._send))
        except (Gone, Malformed, OSError) as error:
            log.warning("a conversation broke off", why=str(error), peer=self.client_address[0])
        except Exception:
            log.exception("a conversation failed", peer=self.client_address[0])
        finally:
            self.server.places.release()

    def _send(self, command: bytes) -> None:
        try:
            self.request.sendall(command)
        except OSError as error:
            raise Gone(f"the connection has ended: {error}") from error
