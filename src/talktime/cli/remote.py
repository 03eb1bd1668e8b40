"""The API of a server somewhere, with a key: what `Client` is for whoever has the data folder."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from talktime.cli.client import Refused
from talktime.cli.options import CannotDo

SECONDS_MAX = 5.0


class Remote:
    def __init__(self, url: str, key: str) -> None:
        self._parts = urlsplit(url)
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        organization: str | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        """The decoded answer."""
        raw = b"" if body is None else json.dumps(body).encode()
        headers = self._headers | ({"talktime-organization": organization} if organization else {})
        target = f"{self._parts.path}{path}?{urlencode(query)}" if query else self._parts.path + path
        status, answer = self._asked(method, target, headers, raw)
        try:
            decoded = json.loads(answer) if answer else None
        except ValueError as error:
            raise CannotDo(f"{self._parts.netloc} does not answer like Talktime") from error
        if status >= 400:
            raise Refused(status, decoded if isinstance(decoded, dict) else {})
        return decoded

    def _asked(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=SECONDS_MAX)
        try:
            connection.request(method, target, raw, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise CannotDo(f"{self._parts.netloc} did not answer: {error}") from error
        finally:
            connection.close()
