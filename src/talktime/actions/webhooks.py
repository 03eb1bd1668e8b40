"""Servers that want to hear of events: set up by people, with a secret that is shown once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.notices import webhook_delivery
from talktime.actions.organizations import locked
from talktime.core.time import DAY
from talktime.notifications.addresses import is_webhook_url
from talktime.notifications.hooks import Hooks
from talktime.notifications.signatures import new_secret
from talktime.storage import delivery_store, webhook_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.delivery_store import DeliveryRow
from talktime.storage.sealed_store import WEBHOOK
from talktime.storage.vault import Vault, place_of
from talktime.storage.webhook_store import WebhookRow

ROTATION = DAY
"""So long the old secret signs beside the new one."""
WEBHOOKS_MAX = 20
TEST = "test"


class Made(NamedTuple):
    row: WebhookRow
    secret: str
    """Shown now and never again."""


class Wanted(NamedTuple):
    url: str
    events: Sequence[str]


def add_webhook(tx: Tx, vault: Vault, hooks: Hooks, org_id: int, webhook_id: str, wanted: Wanted, actor: Actor) -> Made:
    _check_url(wanted.url, hooks)
    locked(tx, org_id)
    if len(webhook_store.of_organization(tx, org_id)) >= WEBHOOKS_MAX:
        raise StateConflict("too_many_webhooks", None, most=WEBHOOKS_MAX)
    secret = new_secret()
    sealed = vault.seal(secret, place_of(WEBHOOK, org_id, webhook_id))
    row = WebhookRow(org_id, webhook_id, wanted.url, _events(wanted.events), sealed, None, None, actor.now)

    webhook_store.add(tx, row)
    audit.note(tx, org_id, actor, "webhook.created", webhook_id, None, _told(row))
    return Made(row, secret)


def change_webhook(
    tx: Tx, hooks: Hooks, org_id: int, webhook_id: str, values: Mapping[str, Any], actor: Actor
) -> WebhookRow:
    """`values`: url and events, those that are to change."""
    old = find_webhook(tx, org_id, webhook_id)
    changed = dict(values)
    if "url" in changed:
        _check_url(changed["url"], hooks)
    if "events" in changed:
        changed["events"] = _events(changed["events"])

    webhook_store.change(tx, org_id, webhook_id, changed)
    new = find_webhook(tx, org_id, webhook_id)
    audit.note(tx, org_id, actor, "webhook.changed", webhook_id, _told(old), _told(new))
    return new


def rotate(tx: Tx, vault: Vault, org_id: int, webhook_id: str, actor: Actor) -> Made:
    """Another secret. The old one signs along for a day, so that the receiver can be changed meanwhile."""
    old = find_webhook(tx, org_id, webhook_id)
    secret = new_secret()
    sealed = vault.seal(secret, place_of(WEBHOOK, org_id, webhook_id))
    kept = {"secret": sealed, "old_secret": old.secret, "old_until": actor.now + ROTATION}

    webhook_store.change(tx, org_id, webhook_id, kept)
    audit.note(tx, org_id, actor, "webhook.secret_changed", webhook_id)
    return Made(find_webhook(tx, org_id, webhook_id), secret)


def remove_webhook(tx: Tx, org_id: int, webhook_id: str, actor: Actor) -> None:
    """What still waits for it is not sent any more."""
    old = find_webhook(tx, org_id, webhook_id)
    if not webhook_store.remove(tx, org_id, webhook_id):
        raise NotFound
    delivery_store.cancel(tx, org_id, webhook_id, actor.now)
    audit.note(tx, org_id, actor, "webhook.removed", webhook_id, _told(old), None)


def try_webhook(tx: Tx, org_id: int, webhook_id: str, test_id: str, now: int) -> DeliveryRow:
    """A message that says nothing but that messages arrive."""
    row = find_webhook(tx, org_id, webhook_id)
    delivery = webhook_delivery(row, TEST, test_id, now, {}, now)
    delivery_store.add(tx, [delivery])
    return delivery


def find_webhook(tx: ReadTx, org_id: int, webhook_id: str) -> WebhookRow:
    row = webhook_store.find(tx, org_id, webhook_id)
    if row is None:
        raise NotFound
    return row


def secrets_of(vault: Vault, row: WebhookRow, now: int) -> list[str]:
    """Those that sign, the newest first."""
    place = place_of(WEBHOOK, row.org_id, row.webhook_id)
    secrets = [vault.open(row.secret, place)]
    if row.old_secret is not None and row.old_until is not None and now < row.old_until:
        secrets.append(vault.open(row.old_secret, place))
    return secrets


def _check_url(url: str, hooks: Hooks) -> None:
    if not is_webhook_url(url, internal=hooks.internal):
        raise Invalid("invalid_webhook_url", "url")


def _events(events: Sequence[str]) -> str:
    return msgspec.json.encode(list(dict.fromkeys(events))).decode()


def _told(row: WebhookRow) -> dict[str, Any]:
    return {"url": row.url, "events": list(row.wanted)}
