"""What an organization wants to hear of."""

from __future__ import annotations

from talktime.storage import alert_store
from talktime.storage.alert_store import Alerts
from talktime.storage.database import ReadTx


def alerts_of(tx: ReadTx, org_id: int) -> Alerts:
    return alert_store.find(tx, org_id)
