"""What an organization wants to hear of, and who hears it."""

from __future__ import annotations

from typing import Any

from talktime.actions import audit, recharges
from talktime.actions.audit import Actor
from talktime.actions.organizations import locked
from talktime.core.money import decimal
from talktime.storage import alert_store, notice_store
from talktime.storage.alert_store import Alerts
from talktime.storage.database import Tx
from talktime.storage.notice_rows import notice


def save(tx: Tx, org_id: int, new: Alerts, actor: Actor) -> Alerts:
    org, old = locked(tx, org_id), alert_store.find(tx, org_id)
    alert_store.save(tx, org_id, new)
    recharges.wake(tx, org_id)
    if new != old:
        audit.note(tx, org_id, actor, "alerts.changed", "alerts", _told(old), _told(new))
        once, now = f"{actor.now}:{actor.by}:alerts", org.now(actor.now)
        notice_store.add(tx, org_id, [notice(org_id, "settings_changed", once, now, what="alerts", by=actor.by)])
    return new


def _told(alerts: Alerts) -> dict[str, Any]:
    spending = (alerts.spend_per_day, alerts.spend_per_month)
    day, month = [None if level is None else decimal(level) for level in spending]
    levels = [decimal(level) for level in alerts.balance_low]
    return {"balance_low": levels, "spend_per_day": day, "spend_per_month": month, "recipients": alerts.recipients}
