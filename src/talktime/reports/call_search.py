"""Finding calls among millions: by their id at once, else back in time, so many at most before the reader is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, or_, select

from talktime.core.calls import Call, CallState
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.store import decode_call

c = t.calls.c
LOOKED_AT_MAX = 50_000
"""The index of time leads to them; what is in their stories has none."""
READ_MAX = 500
Place = tuple[int, str]
"""When a call began, and its id."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What is empty does not matter. `begin` is inclusive, `end` is not."""

    digits: str = ""
    """Of a number, in a row."""
    names: tuple[str, ...] = ()
    """Of users who may have called: ids and what they are known by."""
    state: str = ""
    reason: str = ""
    begin: int | None = None
    end: int | None = None

    @property
    def texts(self) -> list[str]:
        return [f'"{name}"' for name in self.names] + ([self.digits] if self.digits else [])


class Found(NamedTuple):
    calls: Sequence[Call]
    next: Place | None
    """Where to go on."""
    looked_back_to: int | None
    """None: as far as was asked for."""


def search(tx: ReadTx, org_id: int, wanted: Wanted, limit: int, before: Place | None) -> Found:
    """Newest first."""
    within = _within(org_id, wanted, before)
    edge = tx.scalar(select(c.opened_at).where(*within).order_by(c.opened_at.desc()).offset(LOOKED_AT_MAX).limit(1))
    if edge is not None:
        within.append(c.opened_at >= edge)
    # The words narrow it down where the rows are; whether they stand in the right place is looked at here.
    query = select(c.story).where(*within, *_like(wanted)).order_by(c.opened_at.desc(), c.call_id.desc())
    read = [decode_call(story) for story in tx.scalars(query.limit(READ_MAX))]
    found = [call for call in read if _fits(call, wanted)]
    if len(found) > limit:
        return Found(found[:limit], _place(found[limit - 1]), None)
    if len(read) == READ_MAX:
        return Found(found, _place(read[-1]), read[-1].opened_at)
    return Found(found, None if edge is None else (edge, ""), edge)


def _place(call: Call) -> Place:
    return call.opened_at, call.call_id


def _within(org_id: int, wanted: Wanted, before: Place | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [c.org_id == org_id]
    if wanted.begin is not None:
        found.append(c.opened_at >= wanted.begin)
    if wanted.end is not None:
        found.append(c.opened_at < wanted.end)
    if before is not None:
        at, call_id = before
        found += [c.opened_at <= at, or_(c.opened_at < at, c.call_id < call_id)]
    return found


def _like(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state:
        found.append(c.state == wanted.state)
    if wanted.reason:
        found += [c.state == CallState.REFUSED.value, c.story.contains(f'"{wanted.reason}"', autoescape=True)]
    if wanted.texts:
        found.append(or_(*(c.story.contains(text, autoescape=True) for text in wanted.texts)))
    return found


def _fits(call: Call, wanted: Wanted) -> bool:
    if not wanted.texts:
        return True
    asked, terms = call.asked, call.terms
    if asked is None:
        return False
    numbers = (asked.to, asked.from_, terms.caller if terms else None)
    if wanted.digits and any(wanted.digits in number for number in numbers if number):
        return True
    return asked.user in wanted.names or (terms is not None and terms.user_id in wanted.names)
