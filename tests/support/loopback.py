"""Small HTTP servers of the tests, on this machine only."""

from __future__ import annotations

from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple, Self

STOPS_AFTER = 0.01
"""Seconds until a server looks whether it was told to stop: half of one unless that is said."""


class Request(NamedTuple):
    method: str
    path: str
    """With the question behind it."""
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Loopback:
    """Each request in a thread of its own, each answer on a connection of its own."""

    def __init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    # Who asked has gone in the middle of the question.
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = server.answer(Request(self.command, self.path, headers, body))
                # Who asked may have stopped waiting.
                with suppress(BrokenPipeError, ConnectionResetError):
                    if answer is not None:
                        self._say(answer)

            def _say(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_DELETE = _serve

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._serving = Thread(target=self._http.serve_forever, args=(STOPS_AFTER,), daemon=True)
        self._serving.start()

    def answer(self, request: Request) -> Answer | None:
        """None: the connection ends without a word."""
        raise NotImplementedError

    def close(self) -> None:
        self._http.shutdown()
        self._serving.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
