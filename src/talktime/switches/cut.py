"""Tells a switch at once which calls to hang up. What it misses it hears at its next heartbeat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from talktime.notifications.hooks import ALONG, Hooks
from talktime.notifications.outcomes import Fate

SECONDS_MAX = 2.0


class _NoRedirects(HTTPRedirectHandler):
    """A switch is where it was said to be: a token goes nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = build_opener(_NoRedirects)


def is_cut_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def cut(url: str, token: str | None, call_ids: Sequence[str], *, internal: bool = True) -> bool:
    """False: it did not answer, or not with success. `internal`: it may stand behind our own walls, and without TLS."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    body = json.dumps({"call_ids": list(call_ids)}).encode()
    if not internal:
        return Hooks(seconds=SECONDS_MAX).post(url, headers, body).fate is Fate.SENT
    try:
        with _opener.open(Request(url, body, {**headers, **ALONG.get()}), timeout=SECONDS_MAX) as answer:
            return bool(200 <= answer.status < 300)
    except (URLError, OSError, ValueError):
        return False
