"""A real server that hears of events: it checks signatures with code of its own, as its owner would write it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.support.loopback import STOPS_AFTER


class Heard(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def signed_by(self, secret: str) -> bool:
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(one, f"v1,{wanted}") for one in self.headers["webhook-signature"].split(" "))


class Receiver:
    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.status = 200
        self.location: str | None = None
        """Where it says to go instead."""
        self.pause: threading.Event | None = None
        """It answers nothing before this is set."""
        self.url = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append(Heard(self.path, headers, body))
                if receiver.pause:
                    receiver.pause.wait(20)
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.end_headers()
                self.wfile.write(b"x" * 200_000)

            def log_message(self, *_: Any) -> None:
                """Nothing to say."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, *_: Any) -> None:
        """Whoever asks may hang up before the answer ends."""


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    made = Receiver()
    with _Server(("127.0.0.1", 0), made.handler()) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        made.url = f"{'https' if tls else 'http'}://localhost:{server.server_port}/hook?a=b"
        thread = threading.Thread(target=server.serve_forever, args=(STOPS_AFTER,))
        thread.start()
        try:
            yield made
        finally:
            if made.pause:
                made.pause.set()
            server.shutdown()
            thread.join()
