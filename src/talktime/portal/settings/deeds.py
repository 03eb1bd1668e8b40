"""What the audit log tells, in words: what was done, to what, and what was otherwise before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from talktime.core.languages import LANGUAGES
from talktime.core.roles import OPERATOR_ROLES, ORGANIZATION_ROLES
from talktime.core.scopes import Scope
from talktime.portal import shown
from talktime.portal.billing.words import state_name
from talktime.portal.settings.words import scope_name
from talktime.portal.shell import own_name
from talktime.portal.visit import Visit
from talktime.portal.words import event_name, role_name
from talktime.storage.audit_store import AuditRow

INSTANTS = ("expires_at",)
"""Kept as whole microseconds."""
NAMES = ("name", "number", "url")
AMOUNTS = (
    *("amount", "recharge_amount", "trigger", "monthly_limit"),
    *("balance_low", "spend_per_day", "spend_per_month"),
)


class Difference(NamedTuple):
    field: str
    old: str
    new: str


def action_name(visit: Visit, action: str) -> str:
    _ = visit.say
    names = {
        "adjustment.asked": _("Adjustment asked for"),
        "adjustment.confirmed": _("Adjustment confirmed"),
        "agreement.added": _("Agreement number added"),
        "agreement.removed": _("Agreement number removed"),
        "alerts.changed": _("Alerts changed"),
        "billing_details.changed": _("Details on receipts changed"),
        "audit.shortened": _("Old lines of the audit log shortened"),
        "call.hang_up_asked": _("Hang-up asked for"),
        "call.reversed": _("Call reversed"),
        "credit.granted": _("Credit granted"),
        "key.created": _("API key created"),
        "key.revoked": _("API key revoked"),
        "licences.changed": _("Numbers of licences changed"),
        "member.changed": _("Person changed"),
        "member.invited": _("Person invited"),
        "member.password_changed": _("Password changed"),
        "member.removed": _("Person removed"),
        "member.sessions_ended": _("Signed out everywhere"),
        "member.signed_in": _("Signed in"),
        "member.signed_out": _("Signed out"),
        "number.changed": _("Service number changed"),
        "number.created": _("Service number added"),
        "number.removed": _("Service number removed"),
        "organization.changed": _("Organization changed"),
        "organization.closed": _("Organization closed"),
        "organization.created": _("Organization created"),
        "payment.confirmed": _("Invoice confirmed as paid"),
        "payment.rejected": _("Invoice rejected"),
        "payment_method.added": _("Card added"),
        "payment_method.changed": _("Card changed"),
        "payment_method.removed": _("Card removed"),
        "person.erased": _("Person forgotten"),
        "reconciliation.closed": _("Deviation closed"),
        "recharge.retried": _("Auto-recharge tried again"),
        "recharge_settings.changed": _("Auto-recharge settings changed"),
        "refund.asked": _("Refund asked for"),
        "member.recovery_codes_renewed": _("New recovery codes"),
        "member.recovery_code_used": _("Recovery code used"),
        "member.second_factor_removed": _("Second factor removed"),
        "member.second_factor_added": _("Second factor set up"),
        "member.sso_linked": _("Single sign-on of a person linked"),
        "member.sso_released": _("Single sign-on of a person released"),
        "sign_in_rules.changed": _("Sign-in rules changed"),
        "sign_in_rules.sso_changed": _("Single sign-on changed"),
        "switch.changed": _("Switch changed"),
        "switch.created": _("Switch added"),
        "switch.removed": _("Switch removed"),
        "top_up.asked": _("Funds asked for"),
        "user.blocked": _("User blocked"),
        "user.changed": _("User changed"),
        "user.created": _("User added"),
        "user.licences_changed": _("Licences of a user changed"),
        "user.policy_changed": _("Calling policy of a user changed"),
        "user.removed": _("User removed"),
        "user.unblocked": _("User unblocked"),
        "users.imported": _("Users imported"),
        "webhook.changed": _("Webhook changed"),
        "webhook.created": _("Webhook added"),
        "webhook.removed": _("Webhook removed"),
        "webhook.secret_changed": _("Secret of a webhook changed"),
    }
    return names.get(action, action)


def field_name(visit: Visit, field: str) -> str:
    """Of what was changed. What has no word here is called as the API calls it."""
    _ = visit.say
    names = {
        "address": _("Address"),
        "addresses": _("Addresses"),
        "agent": _("Browser"),
        "agreement": _("Agreement"),
        "amount": _("Amount"),
        "backup_payment_method": _("Backup"),
        "balance_low": _("Low balance"),
        "billing_account": _("Kind of account"),
        "brand": _("Card"),
        "client_id": _("Client ID"),
        "client_secret": _("Client secret"),
        "confirmed_by": _("Confirmed by"),
        "country": _("Country"),
        "currency": _("Currency"),
        "cut_token": _("Token for hanging up"),
        "cut_url": _("Address for hanging up"),
        "default": _("Default"),
        "email": _("E-mail address"),
        "enabled": _("Switched on"),
        "enforced": _("Single sign-on only"),
        "events": _("Events"),
        "expires_at": _("Expires"),
        "issuer": _("Issuer"),
        "language": _("Language"),
        "last4": _("Last four digits"),
        "legal_name": _("Legal name"),
        "method": _("Payment method"),
        "mode": _("Mode"),
        "monthly_limit": _("Monthly limit"),
        "name": _("Name"),
        "number": _("Number"),
        "password_length": _("Length of passwords"),
        "payment_method": _("Payment method"),
        "po_number": _("Purchase order"),
        "policy": _("Calling policy"),
        "price_list": _("Price list"),
        "reason": _("Reason"),
        "receipts_to": _("Receipts go to"),
        "recharge_amount": _("Recharge amount"),
        "recipients": _("Recipients"),
        "roles": _("Roles"),
        "scopes": _("May do"),
        "second_factor": _("Second factor"),
        "serves": _("Serves"),
        "session": _("Session"),
        "sign_in_name": _("Sign-in name"),
        "spend_per_day": _("Spend a day"),
        "spend_per_month": _("Spend a month"),
        "sso": _("Single sign-on"),
        "state": _("State"),
        "status": _("State"),
        "time_zone": _("Time zone"),
        "top_up": _("Top-up"),
        "trigger": _("When the balance falls below"),
        "type": _("Kind"),
        "url": _("Address"),
        "usage_location": _("Country"),
        "vat_id": _("VAT number"),
        "vat_rate": _("VAT rate in percent"),
    }
    return names.get(field, field)


def differences(visit: Visit, row: AuditRow) -> list[Difference]:
    old, new = (_flat(None if text is None else msgspec.json.decode(text)) for text in (row.old, row.new))
    names = [*old, *(name for name in new if name not in old)]
    changed = [name for name in names if old.get(name) != new.get(name)]
    return [
        Difference(field_name(visit, name), _text(visit, name, old.get(name)), _text(visit, name, new.get(name)))
        for name in changed
    ]


def name_in(row: AuditRow) -> str:
    """What the changed thing is called, where its values say so."""
    for text in (row.new, row.old):
        values = None if text is None else msgspec.json.decode(text)
        if isinstance(values, dict):
            found = next((values[name] for name in NAMES if values.get(name)), None)
            if isinstance(found, str):
                return found
    return ""


def _flat(value: Any) -> Mapping[str, Any]:
    """What is inside of something is called by both names."""
    if value is None:
        return {}
    return dict(_named("", value)) if isinstance(value, dict) else {"": value}


def _named(before: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _named(f"{before}{name}.", value)
        else:
            yield f"{before}{name}", value


def _text(visit: Visit, field: str, value: Any) -> str:
    _ = visit.say
    match value:
        case None | "" | [] | {}:
            return "\N{EN DASH}"
        case bool():
            return _("Yes") if value else _("No")
        case list():
            return ", ".join(_text(visit, field, one) for one in value)
        case int() if field in INSTANTS:
            return shown.moment_text(value, visit.zone, visit.language)
        case str():
            return _word(visit, field, value)
    return str(value)


def _word(visit: Visit, field: str, text: str) -> str:
    """Codes become words."""
    if text in ORGANIZATION_ROLES or text in OPERATOR_ROLES:
        return role_name(visit, text)
    match field:
        case name if name in AMOUNTS:
            return shown.money(text, visit.currency, visit.language)
        case "state" | "status" | "second_factor":
            return state_word(visit, text)
        case "language" if text in LANGUAGES:
            return own_name(text)
        case "scopes" if text in [*Scope]:
            return scope_name(visit, text)
        case "events":
            return event_name(visit, text)
        case "country" | "usage_location":
            return shown.country(text, visit.language)
    return text


def state_word(visit: Visit, state: str) -> str:
    """Of people, payments, adjustments and auto-recharge alike."""
    _ = visit.say
    names = {
        "active": _("Active"),
        "asked": _("Asked for"),
        "awaiting_confirmation": _("Waiting for the money"),
        "booked": _("Booked"),
        "closed": _("Closed"),
        "confirmed": _("Confirmed"),
        "failed": _("Failed"),
        "invited": _("Invited"),
        "open": _("Open"),
        "pending": _("On its way"),
        "removed": _("Removed"),
        "requires_action": _("Waiting for you"),
        "required": _("Required"),
        "optional": _("Optional"),
        "succeeded": _("Succeeded"),
        "waiting": _("Waiting"),
    }
    return names.get(state) or state_name(visit, state)
