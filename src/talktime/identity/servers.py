"""What servers say of themselves (OpenID Connect Discovery), and the keys they sign with: kept for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from talktime.core.time import MINUTE, SECOND
from talktime.identity.asking import Asker
from talktime.identity.failures import Failed, NotUsable

PATH = "/.well-known/openid-configuration"
KEPT, FAILURE_KEPT, KEYS_KEPT_LEAST = 60 * MINUTE, 10 * SECOND, MINUTE
SERVERS_MOST = 1000
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
Keys = list[dict[str, Any]]
Document = TypeVar("Document")


class Server(Struct, frozen=True):
    """What matters here of its document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(Struct):
    keys: Keys


class _Kept(Struct):
    found: Server | Failed
    asked_at: int
    keys: Keys | None = None
    keys_at: int = 0


class Servers:
    def __init__(self, asker: Asker, now: Callable[[], int]) -> None:
        self._asker, self._now = asker, now
        self._kept: dict[str, _Kept] = {}

    def server(self, issuer: str) -> Server:
        """A failure is kept as well, for seconds: who tries again and again waits for nobody."""
        found = self._of(issuer).found
        if isinstance(found, Server):
            return found
        # A new one: what was raised before would grow with each time.
        raise type(found)(*found.args)

    def keys(self, issuer: str, other_than: Keys | None = None) -> Keys:
        """`other_than`: by these the signature is not known."""
        server, kept = self.server(issuer), self._of(issuer)
        age_most = KEPT if other_than is None else KEYS_KEPT_LEAST
        if kept.keys is None or self._now() - kept.keys_at >= age_most:
            kept.keys, kept.keys_at = self._document(server.jwks_uri, _KeySet).keys, self._now()
        return kept.keys

    def forget(self, issuer: str) -> None:
        self._kept.pop(issuer, None)

    def _of(self, issuer: str) -> _Kept:
        kept, now = self._kept.get(issuer), self._now()
        if kept and now - kept.asked_at < (KEPT if isinstance(kept.found, Server) else FAILURE_KEPT):
            return kept
        if len(self._kept) >= SERVERS_MOST:
            self._kept.clear()
        made = self._kept[issuer] = _Kept(self._asked(issuer), now)
        return made

    def _asked(self, issuer: str) -> Server | Failed:
        try:
            return self._fetched(issuer)
        except Failed as error:
            return error.with_traceback(None)

    def _fetched(self, issuer: str) -> Server:
        server = self._document(issuer.rstrip("/") + PATH, Server)
        # A stroke at the end is left out or added by people. Else it vouches for its own name and no other.
        if server.issuer.rstrip("/") != issuer.rstrip("/"):
            raise NotUsable(f"it calls itself {server.issuer!r}")
        for url in (server.authorization_endpoint, server.token_endpoint, server.jwks_uri):
            if not self._asker.may_ask(url):
                raise NotUsable(f"it leads to {url!r}, which must not be asked")
        return server

    def _document(self, url: str, kind: type[Document]) -> Document:
        said = self._asker.get(url)
        said.raise_for_status()
        return read(said.body, kind)


def read(said: bytes, kind: type[Document]) -> Document:
    try:
        return msgspec.json.decode(said, type=kind)
    except UNREADABLE as error:
        raise NotUsable(str(error)) from error
