"""The server with routes that do not do what the OpenAPI document says: `python -m tests.http.broken_doors serve`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from talktime.cli.main import main
from talktime.web import asgi
from talktime.web.problems import Problem
from talktime.web.routes import Raw, Route
from tests.support.server import Server

PLANTED = {
    "fails": ("/v1/lots", "Server error"),
    "another_status": ("/v1/entries", "Undocumented status code"),
    "another_shape": ("/v1/balance", "Response violates schema"),
    "another_kind": ("/v1/licences", "Undocumented Content-Type"),
    "takes_anything": ("/v1/users", "Schema-violating request accepted"),
}
"""What is done wrong, where, and what schemathesis calls it."""


class BrokenDoors(Server):
    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.http.broken_doors")):
            return super().start()


def fails(tx: Any, request: Any) -> Any:
    raise KeyError("planted")


def another_status(tx: Any, request: Any) -> Any:
    raise Problem(418, "not_found")


def another_shape(tx: Any, request: Any) -> Any:
    return {"currency": "USD", "balance": 1.5}


def another_kind(tx: Any, request: Any) -> Any:
    return Raw(b"<p>", "text/html")


def takes_anything(tx: Any, request: Any) -> Any:
    return {"data": [], "next": None}


def broken(route: Route) -> Route:
    name = next((name for name, (path, _) in PLANTED.items() if path == route.path), None)
    if name is None or route.method != "GET":
        return route
    handler: Callable[..., Any] = globals()[name]
    # The document is made from the table as it was, so it says what was meant.
    return replace(route, handler=handler, query=None if name == "takes_anything" else route.query)


def plant() -> None:
    asgi.ROUTES = [broken(route) for route in asgi.ROUTES]  # type: ignore[attr-defined]


if __name__ == "__main__":
    plant()
    main()
