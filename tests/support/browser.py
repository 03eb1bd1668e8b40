"""A real browser without a window, and pages under the policy that the portal has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.loopback import STOPS_AFTER

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'"
KINDS = {"html": "text/html; charset=utf-8", "css": "text/css", "js": "text/javascript"}

Answer = Callable[[str, str], bytes | None]
"""Method and path to what is answered, None for what is not there."""


@contextmanager
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("there is no Chromium: `make packages` installs it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@contextmanager
def site(answer: Answer) -> Iterator[str]:
    """Serves on a free port and gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _door(answer))
    thread = Thread(target=server.serve_forever, args=(STOPS_AFTER,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def complaints(page: Page) -> list[str]:
    """What the browser refuses or cannot do on this page, from now on: it must stay empty."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def _door(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._tell(answer("GET", self.path))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self._tell(answer("POST", self.path))

        def _tell(self, body: bytes | None) -> None:
            self.send_response(404 if body is None else 200)
            self.send_header("content-type", KINDS.get(self.path.rpartition(".")[2], KINDS["html"]))
            self.send_header("content-security-policy", POLICY)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Door
