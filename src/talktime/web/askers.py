"""From where a request comes: who is connected, or for whom a proxy of ours says that it asks."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

from talktime.core.proxies import asker, networks

FORWARDED = b"x-forwarded-for"


def address_of(scope: MutableMapping[str, Any], proxies: str) -> str:
    """`proxies`: the setting. Empty where it is not known, as on the local socket."""
    peer: str = (scope.get("client") or ("",))[0] or ""
    trusted = networks(proxies)
    return asker(peer, _chain(scope["headers"]), trusted) if trusted else peer


def _chain(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """A proxy may write into the header, or put another below it."""
    told = [value.decode("latin-1") for name, value in headers if name == FORWARDED]
    return ",".join(told).split(",")
