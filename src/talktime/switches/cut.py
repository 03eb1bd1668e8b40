"""Tells a switch at once which calls to hang up. What it misses it hears at its next heartbeat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

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


def cut(url: str, token: str | None, call_ids: Sequence[str]) -> bool:
    """False: it did not answer, or not with success."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = Request(url, json.dumps({"call_ids": list(call_ids)}).encode(), headers)
    try:
        with _opener.open(request, timeout=SECONDS_MAX) as answer:
            return bool(200 <= answer.status < 300)
    except (URLError, OSError, ValueError):
        return False
