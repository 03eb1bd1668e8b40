"""What is older than somebody wants it kept: found, counted, and thrown away in small slices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Table, and_, case, delete, func, not_, or_, select, tuple_, union, update

from talktime.core.ids import uuid7
from talktime.core.persons import ERASED, FORGOTTEN
from talktime.core.retention import Kept
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.person_store import IMPORTED

c, g, n, d, u, m, a = t.calls.c, t.usage.c, t.notices.c, t.deliveries.c, t.users.c, t.members.c, t.audit.c
s, i, h = t.sessions.c, t.tickets.c, t.hang_ups.c
STAYS = ("person.erased", "audit.shortened")
"""Lines of the audit log that say what was forgotten."""
SAYS_WHO = ("user.created", "user.changed", "user.removed", "member.invited", "member.changed", "member.removed")
"""And that say what people were called, like those of files. Until they are forgotten they are found by it, so it is
kept until then."""
GOES = frozenset({Kept.NOTICES, Kept.DELIVERIES, Kept.SIGN_INS})


class Old(NamedTuple):
    """Rows of one table that are older, and the column that says how old."""

    table: Table
    at: Column[int]
    condition: ColumnElement[bool]


class Counted(NamedTuple):
    rows: int
    oldest_at: int | None


def _old(kind: Kept, before: int) -> Sequence[Old]:
    match kind:
        case Kept.CALLS:
            told = or_(g.number != ERASED, g.caller.not_in(("", ERASED)))
            # Ids of usage begin with their instant, so that those of before are found by the key.
            usage = and_(g.usage_id < uuid7(before, 0), told)
            return Old(t.usage, g.started_at, usage), Old(t.calls, c.opened_at, _old_calls(before))
        case Kept.PEOPLE:
            return (
                Old(t.users, u.removed_at, and_(u.removed_at <= before, u.name != ERASED)),
                Old(t.members, m.removed_at, and_(m.removed_at <= before, m.name != ERASED)),
            )
        case Kept.AUDIT:
            told = or_(a.old.is_not(None), a.new.is_not(None))
            stays = or_(a.action.in_(STAYS), _says_who())
            return (Old(t.audit, a.at, and_(a.at < before, told, not_(stays))),)
        case Kept.NOTICES:
            return (Old(t.notices, n.at, and_(n.at < before, n.told_at.is_not(None))),)
        case Kept.DELIVERIES:
            return (Old(t.deliveries, d.created_at, and_(d.ended_at < before, d.due_at.is_(None))),)
        case Kept.SIGN_INS:
            ended = ((t.sessions, s.ends_at), (t.tickets, i.ends_at), (t.hang_ups, h.asked_at))
            return [Old(table, at, at <= before) for table, at in ended]


def _old_calls(before: int) -> ColumnElement[bool]:
    """That have ended. A story that was looked at says so."""
    return and_(c.opened_at < before, c.due_at.is_(None), c.story.not_like(f'%"{FORGOTTEN}"%'))


def _says_who() -> ColumnElement[bool]:
    """Of somebody who is not forgotten yet; of the users of a file each is named by id."""
    user = select(u.user_id).where(u.org_id == a.org_id, u.name != ERASED)
    member = select(m.member_id).where(m.org_id == a.org_id, m.name != ERASED)
    own = or_(user.where(u.user_id == a.object).exists(), member.where(m.member_id == a.object).exists())
    in_file = user.where(a.new.like('%"' + u.user_id + '"%')).exists()
    return or_(and_(a.action.in_(SAYS_WHO), own), and_(a.action == IMPORTED, in_file))


def _is_here(table: Table) -> ColumnElement[bool]:
    """Who is still arriving from elsewhere has no account yet, and no number for a line of the audit log."""
    return table.c.org_id.in_(select(t.accounts.c.org_id))


def organizations_with(tx: ReadTx, kind: Kept, before: int, after: int, limit: int) -> Sequence[int]:
    """In order, from there on. Spans organizations."""
    found = [select(old.table.c.org_id).where(old.condition, _is_here(old.table)) for old in _old(kind, before)]
    org_id = union(*found).subquery().c.org_id
    return tx.scalars(select(org_id).where(org_id > after).order_by(org_id).limit(limit)).all()


def counted(tx: ReadTx, kind: Kept, before: int) -> Counted:
    """How much there is of it, and how old it is. Spans organizations."""
    found = list(map(partial(_counted, tx), _old(kind, before)))
    oldest = [one.oldest_at for one in found if one.oldest_at is not None]
    return Counted(sum(one.rows for one in found), min(oldest, default=None))


def _counted(tx: ReadTx, old: Old) -> Counted:
    """Spans organizations."""
    found = select(func.count(), func.min(old.at)).where(old.condition, _is_here(old.table))
    return Counted(*tx.execute(found).one())


def throw_away(tx: Tx, org_id: int, kind: Kept, before: int, limit: int) -> int:
    """So many rows of each table, at most. Of the other kinds something stays."""
    if kind not in GOES:
        raise ValueError(f"{kind} are not deleted")
    return sum(_throw_away(tx, org_id, old, limit) for old in _old(kind, before))


def _throw_away(tx: Tx, org_id: int, old: Old, limit: int) -> int:
    keys = [column for column in old.table.primary_key.columns if column.name != "org_id"]
    some = select(*keys).where(old.table.c.org_id == org_id, old.condition).limit(limit)
    gone = delete(old.table).where(old.table.c.org_id == org_id, tuple_(*keys).in_(some))
    return tx.execute(gone).rowcount


def old_usage(tx: ReadTx, org_id: int, before: int, after: str, limit: int) -> Sequence[str]:
    """That says who spoke with whom, the oldest first, from there on."""
    condition = _old(Kept.CALLS, before)[0].condition
    query = select(g.usage_id).where(g.org_id == org_id, condition, g.usage_id > after)
    return tx.scalars(query.order_by(g.usage_id).limit(limit)).all()


def forget_usage(tx: Tx, org_id: int, usage_ids: Sequence[str]) -> int:
    """Who spoke with whom; the sums stay."""
    caller = case((g.caller == "", ""), else_=ERASED)
    mine = update(t.usage).where(g.org_id == org_id, g.usage_id.in_(usage_ids))
    return tx.execute(mine.values(number=ERASED, caller=caller, conference_id="")).rowcount


def old_calls(tx: ReadTx, org_id: int, before: int, after: tuple[int, str], limit: int) -> list[dict[str, Any]]:
    """That have ended, the oldest first, from there on."""
    at, call_id = after
    later = and_(c.opened_at >= at, or_(c.opened_at > at, c.call_id > call_id))
    query = select(t.calls).where(c.org_id == org_id, later, _old_calls(before))
    return [dict(row) for row in tx.execute(query.order_by(c.opened_at, c.call_id).limit(limit)).mappings()]
