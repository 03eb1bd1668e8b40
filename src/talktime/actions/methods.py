"""Cards: added on a page of the provider's, kept by his names for them, never by their number."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from talktime.actions import audit, replacing, tender
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.links import Links
from talktime.actions.organizations import found as found_org
from talktime.actions.organizations import locked
from talktime.actions.tender import Terms
from talktime.actions.till import Till
from talktime.core.gateway import Card, ProviderError
from talktime.core.ids import org_name
from talktime.payments.simulator import trial_card
from talktime.storage import method_store, recharge_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.method_store import ACTIVE, REMOVED, WAITING, Method
from talktime.storage.org_store import Organization

log = structlog.get_logger("talktime.methods")


def add_trial_card(tx: Tx, org_id: int, method_id: str, number: str, actor: Actor) -> Method:
    """One of the published numbers, on a test organization; no other number is looked at any further."""
    org = locked(tx, org_id)
    if org.mode != "test":
        raise StateConflict("not_a_test_organization", "simulator_card")
    card = trial_card(number, org.now(actor.now))
    if card is None:
        raise Invalid("no_trial_card", "simulator_card")
    method_store.add(tx, _method(org, method_id, tender.SIMULATOR, card, actor.now))
    return _activated(tx, org, method_id, card, actor)


def begin(
    database: Database,
    till: Till,
    links: Links,
    terms: Terms,
    org_id: int,
    method_id: str,
    actor: Actor,
    instead: int | None = None,
) -> tuple[Method, str]:
    """The address of a page where the card is entered, and what waits for it meanwhile. `instead`: auto-recharge, which
    waits for another card, may charge this amount to it at once."""
    org = database.read(org_id, found_org, org_id)
    provider = tender.provider_for(org, terms)
    other = database.read(org_id, _holder, org_id, provider)
    wish = {} if instead is None else database.read(org_id, replacing.wish, org_id, instead, actor)
    back, away = links.for_card(org_id, method_id), f"{till.public_url}/cards/cancelled"
    hosted = till.providers[provider].begin_card(org_name(org_id), other, back, away)
    waiting = Method(
        org_id=org_id,
        method_id=method_id,
        provider=provider,
        state=WAITING,
        brand="",
        last4="",
        expires=None,
        reference=msgspec.json.encode({"page": hosted.reference, **wish}).decode(),
        is_default=False,
        created_at=actor.now,
    )
    database.write(org_id, method_store.add, waiting)
    return waiting, hosted.url


def _holder(tx: ReadTx, org_id: int, provider: str) -> Any:
    """The provider's name of who has a card with us already."""
    same = [method for method in method_store.active(tx, org_id) if method.provider == provider]
    return same[0].names if same else None


def finish(database: Database, till: Till, org_id: int, method_id: str, actor: Actor) -> Method:
    """The browser came back, or somebody looks whether the page was filled in."""
    waiting = database.read(org_id, found, org_id, method_id)
    if waiting.state != WAITING:
        return waiting
    card = till.providers[waiting.provider].finish_card(waiting.names["page"])
    if card is None:
        return waiting
    return database.write(org_id, _finished, org_id, method_id, card, actor)


def _finished(tx: Tx, org_id: int, method_id: str, card: Card, actor: Actor) -> Method:
    org, method = locked(tx, org_id), found(tx, org_id, method_id)
    if method.state != WAITING:
        return method
    _activated(tx, org, method_id, card, actor)
    replacing.fulfil(tx, org_id, method.names, method_id, actor)
    return found(tx, org_id, method_id)


def finish_page(database: Database, till: Till, org_id: int, reference: str, actor: Actor) -> None:
    """The provider says that this page was filled in."""
    for method in database.read(org_id, method_store.waiting, org_id):
        if method.names["page"] == reference:
            finish(database, till, org_id, method.method_id, actor)


def _method(org: Organization, method_id: str, provider: str, card: Card, now: int) -> Method:
    return Method(
        org_id=org.org_id,
        method_id=method_id,
        provider=provider,
        state=WAITING,
        brand=card.brand,
        last4=card.last4,
        expires=card.expires,
        reference=msgspec.json.encode(card.reference).decode(),
        is_default=False,
        created_at=now,
    )


def _activated(tx: Tx, org: Organization, method_id: str, card: Card, actor: Actor) -> Method:
    """The first is the default."""
    is_first = method_store.default(tx, org.org_id) is None
    kept: dict[str, Any] = {"brand": card.brand, "last4": card.last4, "expires": card.expires, "state": ACTIVE}
    reference = msgspec.json.encode(card.reference).decode()
    method_store.change(tx, org.org_id, method_id, **kept, reference=reference, is_default=is_first)
    method = found(tx, org.org_id, method_id)
    audit.note(tx, org.org_id, actor, "payment_method.added", method_id, None, _told(method))
    return method


def found(tx: ReadTx, org_id: int, method_id: str) -> Method:
    method = method_store.find(tx, org_id, method_id)
    if method is None or method.state == REMOVED:
        raise NotFound
    return method


def make_default(tx: Tx, org_id: int, method_id: str, actor: Actor) -> Method:
    locked(tx, org_id)
    old = found(tx, org_id, method_id)
    if old.state != ACTIVE:
        raise StateConflict("card_not_entered")
    method_store.make_default(tx, org_id, method_id)
    new = found(tx, org_id, method_id)
    audit.note(tx, org_id, actor, "payment_method.changed", method_id, _told(old), _told(new))
    return new


def remove(tx: Tx, org_id: int, method_id: str, actor: Actor) -> Method:
    """Payments that name it stay; the oldest of the others becomes the default."""
    locked(tx, org_id)
    method = found(tx, org_id, method_id)
    others = [one for one in method_store.active(tx, org_id) if one.method_id != method_id]
    _check_not_needed(tx, org_id, method, others)
    if method.is_default:
        method_store.make_default(tx, org_id, others[0].method_id if others else None)
    method_store.change(tx, org_id, method_id, state=REMOVED)
    audit.note(tx, org_id, actor, "payment_method.removed", method_id, _told(method), None)
    return method


def _check_not_needed(tx: ReadTx, org_id: int, method: Method, others: list[Method]) -> None:
    setting = recharge_store.find(tx, org_id)
    named = method.method_id in (setting.method_id, setting.backup_method_id)
    if setting.enabled and (named or (setting.method_id is None and method.is_default and not others)):
        raise StateConflict("used_by_recharge")


def forget(till: Till, method: Method) -> None:
    """After the commit: the provider need not know it any longer."""
    if method.state == WAITING or method.provider not in till.providers:
        return
    try:
        till.providers[method.provider].forget_card(method.names)
    except ProviderError as error:
        # It is gone here, and nobody asks him for it any more.
        log.warning("the provider still knows a card", method=method.method_id, error=str(error))


def _told(method: Method) -> dict[str, Any]:
    return {"brand": method.brand, "last4": method.last4, "default": method.is_default}
