"""Posts a message to somebody else's server: to the address that was checked, without following where it points."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from types import MappingProxyType
from urllib.parse import urlsplit

from talktime.notifications.addresses import Internal
from talktime.notifications.lines import Lines, target_of
from talktime.notifications.outcomes import Fate, Outcome, failed

SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 1 << 16
GONE = 410
"""The receiver says that it will never want this again."""
HEADERS = {"content-type": "application/json", "user-agent": "Talktime-Webhooks/1", "connection": "close"}
ALONG: ContextVar[Mapping[str, str]] = ContextVar("along", default=MappingProxyType({}))
"""Headers that go along with whatever we ask of others just now, such as the trace that it belongs to."""


class Hooks:
    def __init__(self, *, internal: bool = False, tls: ssl.SSLContext | None = None, seconds: float = SECONDS_MAX):
        self.internal = internal
        """Whether servers behind our own walls may be asked, and without TLS."""
        self._lines = Lines(internal=internal, tls=tls, seconds=seconds)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            status = self._status(url, {**HEADERS, **headers, **ALONG.get()}, body)
        except Internal as error:
            return failed(Fate.REFUSED, error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return failed(Fate.AGAIN, error)
        if 200 <= status < 300:
            return Outcome(Fate.SENT, status)
        return failed(Fate.REFUSED if status == GONE else Fate.AGAIN, f"the server answered {status}", status)

    def _status(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        to = urlsplit(url)
        with self._lines.connected(to) as connection:
            connection.request("POST", target_of(to), body, {**headers, "host": to.netloc})
            with connection.getresponse() as answer:
                # What is said besides the status is not needed, but who is cut off in the middle may think it failed.
                with suppress(OSError, http.client.HTTPException):
                    answer.read(ANSWER_BYTES_MAX)
                return answer.status
