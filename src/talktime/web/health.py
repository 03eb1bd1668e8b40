"""Whether the server lives, whether its store takes writes, and what it has measured. For machines, without a key."""

from __future__ import annotations

from time import monotonic

from prometheus_client import CONTENT_TYPE_LATEST

from talktime.actions.upkeep import prove_writable
from talktime.exposition import exposition
from talktime.web.routes import Raw, Request, Route, Threads

PLAIN = "text/plain; charset=utf-8"
PROOF_SECONDS = 1.0
"""Anybody may ask, and each proof is a write to the disk."""
_proved: dict[str, float] = {}


def alive(request: Request[None]) -> Raw:
    """The process answers. Balancers ask this one: emergencies are answered while the store is down."""
    return Raw(b"alive\n", PLAIN)


def ready(request: Request[None]) -> Raw:
    """The store takes writes; 503 when it does not."""
    database, now = request.app.database, monotonic()
    if now - _proved.get(database.url, -PROOF_SECONDS) >= PROOF_SECONDS:
        prove_writable(database, request.app.now())
        _proved[database.url] = now
    return Raw(b"ready\n", PLAIN)


def metrics(request: Request[None]) -> Raw:
    """Figures for Prometheus, of all processes on this machine."""
    app = request.app
    return Raw(exposition(app.meters.registry, app.settings.figures), CONTENT_TYPE_LATEST)


ROUTES = [
    Route("GET", "/healthz", None, alive, answer=Raw, tx=False, tag="Health", threads=Threads.NONE),
    Route("GET", "/readyz", None, ready, answer=Raw, tx=False, problems=(503,), tag="Health"),
    Route("GET", "/metrics", None, metrics, answer=Raw, tx=False, tag="Health", threads=Threads.APART),
]
