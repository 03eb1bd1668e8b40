"""The server with a gate that stands open here and there: `python -m tests.http.broken_gate serve`."""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import patch

from talktime.charging.engine import Engine
from talktime.cli.main import main
from talktime.core.ids import org_number
from talktime.core.scopes import Caller, Scope
from talktime.web import asgi
from talktime.web.asgi import Headers
from tests.support.server import Server

BROKEN = ("POST /v1/users", "GET /v1/lots", "POST /v1/calls/authorize")
TOLD = (
    "POST /v1/users, scope reports alone",
    "GET /v1/lots, scope funds alone",
    "the header, where a person asks",
    "the header, where a switch asks",
    "authorize: 200",
)
"""How the differences begin that must be told of it."""


class BrokenGate(Server):
    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.http.broken_gate")):
            return super().start()


careful_may = Caller.may
careful_engine = Engine.__init__
careful_acting_for = asgi.acting_for


def may(caller: Caller, scope: Scope) -> bool:
    """Who may see reports may do what is for users; nobody but an operator may see lots."""
    if scope is Scope.USERS and Scope.REPORTS in caller.scopes:
        return True
    return careful_may(caller, scope) and (scope is not Scope.FUNDS or caller.is_operator)


def acting_for(caller: Caller, headers: Headers) -> int:
    """Whoever is named in the header, if there is one."""
    named = headers.get(b"talktime-organization", b"").decode()
    return org_number(named) or careful_acting_for(caller, headers)


def unaware(engine: Engine, store: Any, prices: Any, keys_revision: Any = None, *others: Any) -> None:
    """A key that was once good on the hot path stays so."""
    careful_engine(engine, store, prices, None, *others)


def plant() -> None:
    Engine.__init__ = unaware  # type: ignore[method-assign,assignment]
    Caller.may = may  # type: ignore[method-assign,assignment]
    asgi.acting_for = acting_for


if __name__ == "__main__":
    plant()
    main()
