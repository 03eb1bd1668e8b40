"""The demonstration, as somebody finds it who runs `make demo`, and browsers that are signed in there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.server import TALKTIME


@dataclass(frozen=True)
class Site:
    told: dict[str, Any]
    data: Path

    @property
    def url(self) -> str:
        return str(self.told["address"])

    @property
    def password(self) -> str:
        return str(self.told["sign_in"][0]["password"])

    def cookie(self, email: str) -> str:
        """Of a session that has just begun."""
        with httpx.Client(base_url=self.url, headers={"origin": self.url}) as client:
            token = re.search(r'name="token" value="([^"]+)"', client.get("/sign-in").text)
            assert token
            entered = {"email": email, "password": self.password, "token": token[1]}
            answer = client.post("/sign-in", data=entered)
            assert answer.status_code == 303, answer.text[:2000]
            return answer.cookies["talktime"]

    @contextmanager
    def reader(
        self, browser: Browser, email: str = "ann@example.com", width: int = 1360, **options: Any
    ) -> Iterator[Page]:
        """A page of a browser in which this member is signed in."""
        with self.window(browser, width, **options) as context:
            context.add_cookies([{"name": "talktime", "value": self.cookie(email), "url": self.url}])
            yield context.new_page()

    @contextmanager
    def window(self, browser: Browser, width: int = 1360, **options: Any) -> Iterator[BrowserContext]:
        height = 900 if width > 600 else 800
        context = browser.new_context(
            base_url=self.url, viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        try:
            yield context
        finally:
            context.close()


def opened(page: Page, path: str) -> None:
    """Whoever is not signed in is shown the same page everywhere, and nothing would be wrong with it."""
    page.goto(path)
    shown = urlsplit(page.url).path
    assert shown == path or not shown.startswith("/sign-in"), path


@contextmanager
def demonstration(data: Path, calls_per_second: float = 1) -> Iterator[Site]:
    options = ("--port", "0", "--json", "--calls-per-second", str(calls_per_second), "--data", str(data))
    with subprocess.Popen([*TALKTIME, "demo", *options], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            lines = list(iter(running.stdout.readline, "}\n"))
            yield Site(json.loads("".join([*lines, "}"])), data)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)
