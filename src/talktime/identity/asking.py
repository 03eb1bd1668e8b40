"""Asks another server for JSON: for a few seconds, for a few kilobytes, and without following where it points."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from talktime.identity.failures import NotReached
from talktime.notifications.addresses import Internal, is_webhook_url
from talktime.notifications.lines import Lines, target_of

SECONDS_MAX = 5.0
ANSWER_BYTES_MAX = 1 << 18
URL_LENGTH_MAX = 1000
AT_ONCE = 4
"""Pages wait for these answers: a slow server must not keep all of them."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HEADERS = {"accept": "application/json", "user-agent": "Talktime-Sign-In/1", "connection": "close"}


class Said(Struct, frozen=True):
    """What Authlib asks of an answer."""

    status_code: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def raise_for_status(self) -> None:
        if self.status_code != 200:
            raise NotReached(f"the server answered {self.status_code}")


class Asker:
    def __init__(self, *, internal: bool = False, tls: ssl.SSLContext | None = None, seconds: float = SECONDS_MAX):
        self._lines = Lines(internal=internal, tls=tls, seconds=seconds)
        self._seconds = seconds
        self._turns = BoundedSemaphore(AT_ONCE)

    def may_ask(self, url: str) -> bool:
        """TLS always, but for a server on this machine where servers of the own network may be asked at all."""
        internal = self._lines.internal
        plain = len(url) <= URL_LENGTH_MAX and is_webhook_url(url, internal=internal)
        return plain and (url.startswith("https://") or urlsplit(url).hostname in LOOPBACK)

    def get(self, url: str) -> Said:
        return self._ask("GET", url, HEADERS, None)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Said:
        small = {name.lower(): value for name, value in headers.items()}
        return self._ask("POST", url, {**HEADERS, **small}, body)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Said:
        if not self.may_ask(url):
            raise NotReached(f"{url} must not be asked")
        try:
            with self._turn():
                return self._said(method, url, headers, body)
        except (OSError, http.client.HTTPException, Internal, ValueError) as error:
            raise NotReached(f"{url}: {type(error).__name__}: {error}") from error

    def _said(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Said:
        to = urlsplit(url)
        with self._lines.connected(to) as connection:
            connection.request(method, target_of(to), body, {**headers, "host": to.netloc})
            with connection.getresponse() as answer:
                said = answer.read(ANSWER_BYTES_MAX + 1)
                if len(said) > ANSWER_BYTES_MAX:
                    raise ValueError("the answer is too long")
                return Said(answer.status, said)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._seconds):
            raise NotReached("too many wait for answers of such servers")
        try:
            yield
        finally:
            self._turns.release()
