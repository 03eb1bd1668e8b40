"""Calls that a person asked to be hung up."""

from __future__ import annotations

from sqlalchemy import text

from talktime.storage import tables as t
from talktime.storage.database import Tx

h = t.hang_ups.c
# Both databases say it like this.
_ASK = text(
    """INSERT INTO hang_ups (org_id, call_id, asked_at, asked_by) VALUES (:org_id, :call_id, :asked_at, :asked_by)
ON CONFLICT (org_id, call_id) DO NOTHING"""
)


def ask(tx: Tx, org_id: int, call_id: str, by: str, now: int) -> bool:
    """False: somebody has asked before."""
    row = {"org_id": org_id, "call_id": call_id, "asked_at": now, "asked_by": by}
    return tx.execute(_ASK, row).rowcount == 1
