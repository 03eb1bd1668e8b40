"""Auto-recharge of an organization: what was set, and when somebody has to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update

from talktime.core.recharges import Setting, State
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.recharges.c
_NAMES = {
    "amount": "amount_micros",
    "trigger": "trigger_micros",
    "monthly_limit": "monthly_limit_micros",
}
_COLUMNS = [t.recharges.c[_NAMES.get(name, name)] for name in Setting.__struct_fields__]


def find(tx: ReadTx, org_id: int) -> Setting:
    """Off, where nobody has set anything."""
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id)).first()
    if row is None:
        return Setting()
    values = dict(zip(Setting.__struct_fields__, row, strict=True))
    return Setting(**values | {"enabled": bool(values["enabled"]), "state": State(values["state"])})


def save(tx: Tx, org_id: int, setting: Setting, look_at: int | None, **more: Any) -> None:
    """`more`: the consent, when somebody gave it anew."""
    values = {_NAMES.get(name, name): getattr(setting, name) for name in setting.__struct_fields__}
    values |= {"state": setting.state.value, "look_at": look_at, **more}
    if tx.execute(update(t.recharges).where(c.org_id == org_id).values(values)).rowcount == 0:
        tx.execute(insert(t.recharges), {"org_id": org_id, **values})


def look_soon(tx: Tx, org_id: int, at: int) -> None:
    """A movement has taken the balance below the trigger. Who is not simply on will look by himself."""
    waiting = (c.enabled, c.state == State.ON.value, c.look_at.is_(None))
    tx.execute(update(t.recharges).where(c.org_id == org_id, *waiting).values(look_at=at))


def look_at_brakes(tx: Tx, org_id: int, at: int) -> None:
    """What held it back may no longer: a limit or the calendar is another."""
    braked = (c.enabled, c.state.in_((State.LIMIT_REACHED.value, State.VELOCITY_LIMITED.value)))
    tx.execute(update(t.recharges).where(c.org_id == org_id, *braked).values(look_at=at))


def look_again(tx: Tx, org_id: int, at: int) -> None:
    """Whatever it waits for: who looks finds that out anew."""
    tx.execute(update(t.recharges).where(c.org_id == org_id, c.enabled).values(look_at=at))


def consent(tx: ReadTx, org_id: int) -> str | None:
    given: str | None = tx.scalar(select(c.consent).where(c.org_id == org_id))
    return given


def due(tx: ReadTx, now: int, limit: int) -> Sequence[int]:
    """Whose recharge somebody has to look at. Spans organizations."""
    o = t.organizations.c
    found = select(c.org_id).join(t.organizations, o.org_id == c.org_id)
    found = found.where(c.look_at <= func.coalesce(o.clock_at, now))
    return tx.scalars(found.order_by(c.look_at).limit(limit)).all()


def next_due(tx: ReadTx, org_id: int, until: int) -> int | None:
    at: int | None = tx.scalar(select(c.look_at).where(c.org_id == org_id, c.look_at <= until))
    return at
