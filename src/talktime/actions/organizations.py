"""Organizations: made, changed, closed by the operator."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from talktime.actions import audit, pool_sizes
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.core.countries import is_country
from talktime.core.fraud import guard_of
from talktime.core.ids import org_name
from talktime.core.limits import Limits, merged
from talktime.core.money import micros
from talktime.core.organizations import GRACE_SECONDS, MAX_CALL_SECONDS, SLICE_SECONDS
from talktime.storage import control_store, org_store, payment_store, price_store, recharge_store, tally_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.org_store import Organization

OPEN, CLOSED = "open", "closed"
DEFAULT_LIMITS = Limits(slice_seconds=SLICE_SECONDS, max_call_seconds=MAX_CALL_SECONDS, grace_seconds=GRACE_SECONDS)
COLUMNS = ("slice_seconds", "max_call_seconds", "grace_seconds")
"""The limits that every call asks for have columns of their own."""


def found(tx: ReadTx, org_id: int) -> Organization:
    org = org_store.find(tx, org_id)
    if org is None:
        raise NotFound
    return org


def locked(tx: Tx, org_id: int) -> Organization:
    """Nobody else moves its money or changes it until the step is over."""
    org = org_store.lock(tx, org_id)
    if org is None:
        raise NotFound
    return org


def limits_of(org: Organization) -> Limits:
    columns = {name: getattr(org, name) for name in COLUMNS}
    return replace(msgspec.json.decode(org.limits, type=Limits), **columns)


def create(tx: Tx, values: Mapping[str, Any], limits: Limits, actor: Actor) -> Organization:
    """`values`: name, country, currency, time_zone, language, mode, billing_account, policy, price_list."""
    org_id = control_store.bump(tx, "next_org")
    limits = merged(DEFAULT_LIMITS, limits)
    org = Organization(org_id=org_id, **values, **_stored(limits), state=OPEN, created_at=actor.now)
    _check(tx, org, limits)

    org_store.add(tx, org)
    audit.note(tx, org_id, actor, "organization.created", org_name(org_id), None, told(org))
    return org


def change(tx: Tx, org_id: int, values: Mapping[str, Any], limits: Limits | UnsetType, actor: Actor) -> Organization:
    """`values` holds what is to be another; the rest keeps its value."""
    old = locked(tx, org_id)
    new = replace(old, **values)
    if limits is not UNSET:
        new = replace(new, **_stored(merged(limits_of(old), limits)))
    _check(tx, new, limits_of(new))
    if new.currency != old.currency:
        _check_currency_is_free(tx, org_id)

    org_store.change(tx, new)
    if new.country != old.country:
        pool_sizes.refit(tx, new, actor)
    if _counts(new) != _counts(old):
        # Nothing was counted meanwhile, or nothing will be: what is there is not true.
        tally_store.forget(tx, org_id)
    recharge_store.look_at_brakes(tx, org_id, new.now(actor.now))
    audit.note(tx, org_id, actor, "organization.changed", org_name(org_id), told(old), told(new))
    return new


def _check_currency_is_free(tx: ReadTx, org_id: int) -> None:
    if org_store.account(tx, org_id).last_entry_no:
        raise StateConflict("currency_fixed", "currency")
    # Amounts would keep their numbers, and be more or less money.
    if payment_store.undecided_total(tx, org_id) or recharge_store.find(tx, org_id).amount is not None:
        raise StateConflict("currency_in_use", "currency")


def _counts(org: Organization) -> bool:
    return guard_of(org.limits, org.mode, org.currency).counts


def close(tx: Tx, org_id: int, actor: Actor) -> None:
    """New calls are refused from now on; what is running is settled, and nothing is lost."""
    old = locked(tx, org_id)
    new = replace(old, state=CLOSED)

    org_store.change(tx, new)
    audit.note(tx, org_id, actor, "organization.closed", org_name(org_id), told(old), told(new))


def open_again(tx: Tx, org_id: int, actor: Actor) -> None:
    """The way back, and the end of a move."""
    old = locked(tx, org_id)
    new = replace(old, state=OPEN)
    org_store.change(tx, new)
    # While it was closed nothing was recharged, however low it fell.
    recharge_store.look_again(tx, org_id, old.now(actor.now))
    audit.note(tx, org_id, actor, "organization.changed", org_name(org_id), told(old), told(new))


def told(org: Organization) -> dict[str, Any]:
    """For the audit log: without what nobody changes."""
    own = ("org_id", "limits", "created_at", "clock_at", *COLUMNS)
    values = {name: getattr(org, name) for name in org.__struct_fields__ if name not in own}
    return values | {"limits": msgspec.to_builtins(limits_of(org))}


def _stored(limits: Limits) -> dict[str, Any]:
    columns = {name: getattr(limits, name) for name in COLUMNS}
    rest = replace(limits, **dict.fromkeys(COLUMNS, UNSET))
    return columns | {"limits": msgspec.json.encode(rest).decode()}


def _check(tx: ReadTx, org: Organization, limits: Limits) -> None:
    if not is_country(org.country):
        raise Invalid("unknown_country", "country")
    if org.time_zone not in _time_zones():
        raise Invalid("unknown_time_zone", "time_zone")
    least, most = limits.top_up_min, limits.top_up_max
    if isinstance(least, str) and isinstance(most, str) and micros(least) > micros(most):
        raise Invalid("above_maximum", "limits.top_up_min")
    _check_price_list(tx, org)


def _check_price_list(tx: ReadTx, org: Organization) -> None:
    if org.price_list is None:
        return
    head = price_store.find(tx, org.price_list)
    if head is None:
        raise Invalid("unknown_price_list", "price_list")
    if head.currency != org.currency:
        raise Invalid("other_currency", "price_list", currency=head.currency)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
