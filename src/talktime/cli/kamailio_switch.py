"""A switch gets its key and is made known: beside the data folder as its operator, else by a key that there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx

from talktime.cli.client import Client, Refused, missing
from talktime.cli.options import CannotDo, content_of
from talktime.settings import Settings

SECONDS_MAX = 10.0


class Platform(Protocol):
    def key(self) -> str: ...

    def ask(self, method: str, path: str, body: Mapping[str, Any]) -> int:
        """The status, if it is success or 409."""


def register(platform: Platform, name: str, cut_url: str | None, cut_token: str | None) -> str | None:
    """Why it could not be done; None: the switch is known."""
    told = {"cut_url": cut_url, "cut_token": cut_token if cut_url else None}
    try:
        if platform.ask("POST", "/v1/switches", {"name": name} | told) == httpx.codes.CONFLICT:
            platform.ask("PATCH", f"/v1/switches/{name}", told)
    except (CannotDo, httpx.HTTPError) as error:
        return " ".join(str(error).split())
    return None


class Beside:
    """Where the data is. The key is of the organization if there is but one: it opens no more than it must."""

    def __init__(self, settings: Settings, org: str | None) -> None:
        self._settings, self._org = settings, org

    def key(self) -> str:
        if self._org is None:
            return self._made("/v1/operator/keys", {})
        with missing(f"there is no organization {self._org}"):
            return self._made(f"/v1/operator/organizations/{self._org}/keys", {"scopes": ["calls"]})

    def ask(self, method: str, path: str, body: Mapping[str, Any]) -> int:
        try:
            with Client(self._settings) as client:
                client.send(method, path, body, organization=self._org)
        except Refused as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            return error.status
        return httpx.codes.OK

    def _made(self, path: str, form: Mapping[str, Any]) -> str:
        with Client(self._settings) as client:
            return str(client.send("POST", path, form)["key"])


class ByKey:
    """Somewhere else: what the key opens."""

    def __init__(self, url: str, key_file: Path) -> None:
        self._url, self._key = url, content_of(key_file).decode(errors="replace").strip()

    def key(self) -> str:
        return self._key

    def ask(self, method: str, path: str, body: Mapping[str, Any]) -> int:
        # What the environment says of proxies is not meant for a switch and its platform.
        headers = {"authorization": f"Bearer {self._key}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=SECONDS_MAX, trust_env=False) as client:
            status = client.request(method, path, json=body).status_code
        if status != httpx.codes.CONFLICT and not httpx.codes.is_success(status):
            raise CannotDo(f"Talktime answered {status}")
        return status
