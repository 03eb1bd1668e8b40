"""What the fraud guard counts of users; written by the engine."""

from __future__ import annotations

from sqlalchemy import delete

from talktime.storage import tables as t
from talktime.storage.database import Tx


def forget(tx: Tx, org_id: int) -> None:
    """Whoever is counted again begins with what is running then."""
    tx.execute(delete(t.tallies).where(t.tallies.c.org_id == org_id))
