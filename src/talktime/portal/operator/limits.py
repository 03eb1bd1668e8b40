"""What one organization may at most: calls, top-ups, and what its fraud guard lets one user do."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from talktime.actions.organizations import limits_of
from talktime.core.fraud import Guard, guard_of
from talktime.core.limits import Limits
from talktime.core.money import decimal
from talktime.core.recharges import RECHARGES_PER_24H
from talktime.portal import shown
from talktime.portal.operator.ours import named, whole
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.storage.org_store import Organization
from talktime.web.problems import Problem

KINDS = ("international", "premium", "high_risk")
WHOLE = {
    "limits.slice_seconds": (1, 86_400),
    "limits.max_call_seconds": (1, 604_800),
    "limits.grace_seconds": (0, 86_400),
    "limits.recharges_per_24h": (0, 1_000),
    "limits.fraud.concurrent_calls": (0, 1_000_000_000),
    "limits.fraud.call_seconds": (1, 604_800),
    "limits.fraud.new_destinations_per_day": (0, 1_000_000_000),
}
AMOUNTS = (
    *("limits.top_up_min", "limits.top_up_max", "limits.invoice_limit"),
    *("limits.fraud.spend_per_hour", "limits.fraud.spend_per_day"),
)
ALWAYS = ("limits.slice_seconds", "limits.max_call_seconds", "limits.grace_seconds")
"""There is no call without these."""


def get_limits(visit: Visit) -> Answer:
    org = named(visit, visit.names["org"])
    guard = guard_in_force(org)
    return _screen(visit, org, _stored(visit, org, guard), {kind: getattr(guard, kind) for kind in KINDS})


def guard_in_force(org: Organization) -> Guard:
    return guard_of(org.limits, org.mode, org.currency)


def _stored(visit: Visit, org: Organization, guard: Guard) -> dict[str, str]:
    """As fields show them: what was never set is shown as it is in force."""
    limits = limits_of(org)
    fields = {f"limits.{name}": _text(visit, org, value) for name, value in asdict(limits).items() if name != "fraud"}
    spending = {name: decimal(value) for name in ("spend_per_hour", "spend_per_day") if (value := getattr(guard, name))}
    counted = {name: getattr(guard, name) for name in ("concurrent_calls", "call_seconds", "new_destinations_per_day")}
    found = counted | dict.fromkeys(("spend_per_hour", "spend_per_day")) | spending
    if limits.recharges_per_24h is UNSET:
        fields["limits.recharges_per_24h"] = str(RECHARGES_PER_24H)
    return fields | {f"limits.fraud.{name}": _text(visit, org, value) for name, value in found.items()}


def _text(visit: Visit, org: Organization, value: Any) -> str:
    if value is None or value is UNSET:
        return ""
    return shown.field_money(value, org.currency, visit.language) if isinstance(value, str) else str(value)


def _screen(
    visit: Visit,
    org: Organization,
    entered: dict[str, str],
    allowed: dict[str, bool],
    errors: dict[str, str] | None = None,
) -> Answer:
    values = {
        "org": org,
        "id": visit.names["org"],
        "entered": entered,
        "allowed": allowed,
        "errors": errors,
        "may": visit.may("organizations.change"),
    }
    return Screen("operator/limits.html", values, 422 if errors else 200)


def save(visit: Visit) -> Answer:
    org = named(visit, visit.names["org"])
    try:
        body = {"limits": _wished(visit, limits_of(org))}
        visit.send("PATCH", f"/v1/operator/organizations/{visit.named('org')}", body)
    except Problem as problem:
        entered = {name: visit.form.get(name) for name in (*WHOLE, *AMOUNTS)}
        return _screen(visit, org, entered, _allowed(visit), visit.errors(problem))
    return Away(f"/operator/organizations/{visit.named('org')}", "saved")


def _allowed(visit: Visit) -> dict[str, bool]:
    return {kind: visit.form.is_on(f"limits.fraud.{kind}") for kind in KINDS}


def _wished(visit: Visit, before: Limits) -> dict[str, Any]:
    """An empty field is no limit; where nothing was ever set, it stays with what is usual."""
    given = {name: whole(visit, name, *span) for name, span in WHOLE.items()}
    amounts = {name: visit.optional_amount(name) for name in AMOUNTS}
    found: dict[str, Any] = {"fraud": _allowed(visit)}
    for name, value in (given | amounts).items():
        _, _, last = name.rpartition(".")
        if ".fraud." in name:
            found["fraud"][last] = value
        elif value is not None or not _stays(name, getattr(before, last)):
            found[last] = value
    return found


def _stays(name: str, before: object | UnsetType) -> bool:
    return before is UNSET or name in ALWAYS
