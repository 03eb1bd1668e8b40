"""Who changed what of the operator's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from talktime.portal.operator.ours import SHOWN
from talktime.portal.operator.words import who_names
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit

TEXT_MAX = 200
CHANGES_MAX = 12


class Change(NamedTuple):
    name: str
    old: str
    new: str


def get_audit(visit: Visit) -> Answer:
    told = visit.ask("/v1/operator/audit", limit=SHOWN, cursor=visit.query.maybe("cursor"))
    rows = [(one, _shown(one)) for one in told["data"]]
    return Screen("operator/audit.html", {"rows": rows, "next": told["next"], "names": who_names(visit)})


def _shown(row: Any) -> list[Change]:
    """Names of sessions say nothing to people."""
    found = (change for change in changes(row["old"], row["new"]) if change.name != "session")
    return list(islice(found, CHANGES_MAX))


def changes(old: Any, new: Any, below: str = "") -> Iterator[Change]:
    """What is another than before, as deep as it goes."""
    if isinstance(old, dict) or isinstance(new, dict):
        before, after = (one if isinstance(one, dict) else {} for one in (old, new))
        for name in (*after, *(name for name in before if name not in after)):
            yield from changes(before.get(name), after.get(name), f"{below}.{name}" if below else name)
    elif old != new:
        yield Change(below, _text(old), _text(new))


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
