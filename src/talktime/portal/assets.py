"""Style sheets, scripts and pictures: their names hold what is in them, so a browser asks for each once."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from talktime.portal.pages import Page
from talktime.portal.visit import Visit
from talktime.web.problems import Problem
from talktime.web.routes import Raw

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


@cache
def asset(name: str) -> str:
    """Where a file of ours is to be had."""
    path = FOLDER / name
    return f"/assets/{path.stem}.{_digest(name)}{path.suffix}"


@cache
def _digest(name: str) -> str:
    return sha256((FOLDER / name).read_bytes()).hexdigest()[:12]


@cache
def _by_address() -> dict[str, str]:
    names = [path.name for path in FOLDER.iterdir() if path.suffix in KINDS]
    return {asset(name).rpartition("/")[2]: name for name in names}


def get_asset(visit: Visit) -> Raw:
    name = _by_address().get(visit.names["file"])
    if name is None:
        raise Problem(404, "not_found")
    path = FOLDER / name
    return Raw(path.read_bytes(), KINDS[path.suffix], FOREVER)


PAGES = [Page("GET", "/assets/{file}", get_asset, public=True)]
