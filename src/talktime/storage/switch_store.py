"""Switches: who they are, when they were last heard of, what their lists missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import delete, insert, select, update

from talktime.core.switches import Lists
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

s = t.switches.c


class SwitchRow(Struct, frozen=True):
    org_id: int
    name: str
    switch_id: str
    cut_url: str | None
    cut_token: bytes | None
    boot_id: str | None
    heard_at: int | None
    lists: Lists
    created_at: int


def switch_row(row: Any) -> SwitchRow:
    lists = msgspec.json.decode(row.missing, type=Lists)
    heard = (row.boot_id, row.heard_at, lists, row.created_at)
    return SwitchRow(row.org_id, row.name, row.switch_id, row.cut_url, row.cut_token, *heard)


def find(tx: ReadTx, org_id: int, name: str) -> SwitchRow | None:
    row = tx.execute(select(t.switches).where(s.org_id == org_id, s.name == name)).first()
    return switch_row(row) if row else None


def lock(tx: Tx, org_id: int, name: str) -> SwitchRow | None:
    """Two heartbeats of one switch are taken one after the other."""
    row = tx.execute(select(t.switches).where(s.org_id == org_id, s.name == name).with_for_update()).first()
    return switch_row(row) if row else None


def add(tx: Tx, org_id: int, name: str, switch_id: str, now: int) -> None:
    tx.execute(insert(t.switches), {"org_id": org_id, "name": name, "switch_id": switch_id, "created_at": now})


def change(tx: Tx, org_id: int, name: str, values: Mapping[str, Any]) -> None:
    if values:
        tx.execute(update(t.switches).where(s.org_id == org_id, s.name == name).values(dict(values)))


def heard(tx: Tx, org_id: int, name: str, boot_id: str, now: int, lists: Lists) -> None:
    missing = msgspec.json.encode(lists).decode()
    change(tx, org_id, name, {"boot_id": boot_id, "heard_at": now, "missing": missing})


def remove(tx: Tx, org_id: int, name: str) -> bool:
    return tx.execute(delete(t.switches).where(s.org_id == org_id, s.name == name)).rowcount == 1


def silent(tx: ReadTx, since: int) -> Sequence[tuple[int, str]]:
    """Those of all organizations that were not heard of since then."""
    rows = tx.execute(select(s.org_id, s.name).where(s.heard_at < since).order_by(s.org_id, s.name))
    return [(org_id, name) for org_id, name in rows]
