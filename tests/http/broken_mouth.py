"""The server that tells what it should keep to itself: `python -m tests.http.broken_mouth serve`."""

from __future__ import annotations

import sys
from unittest.mock import patch

from talktime.cli.main import main
from talktime.storage.vault import Vault
from talktime.web import asgi
from talktime.web.asgi import Headers
from tests.support.server import Server

LEAKS = (
    "a key that nobody gave out, as it is, in log",
    "a cut token, as it is, in data folder",
    "a second factor in hexadecimal, as it is, in data folder",
)
"""How the hits begin that must be among those found."""
careful_bearer = asgi.bearer


class BrokenMouth(Server):
    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.http.broken_mouth")):
            return super().start()


def bearer(headers: Headers) -> bytes:
    key = careful_bearer(headers)
    print("who is", key.decode("latin-1"), file=sys.stderr, flush=True)
    return key


def seal(vault: Vault, secret: str, place: str) -> bytes:
    return secret.encode()


def plant() -> None:
    asgi.bearer = bearer
    Vault.seal = seal  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    plant()
    main()
