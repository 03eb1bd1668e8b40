"""The menu: what a reader may see, and where he is."""

from __future__ import annotations

from typing import NamedTuple

from talktime.core.roles import Right
from talktime.portal.visit import Visit


class Item(NamedTuple):
    path: str
    label: str
    right: str = ""
    icon: str = ""
    below: tuple[Item, ...] = ()


class Entry(NamedTuple):
    path: str
    label: str
    icon: str
    is_open: bool
    is_current: bool
    below: tuple[Entry, ...]


def menu_of(visit: Visit) -> list[Entry]:
    _ = visit.say
    mine: tuple[Item, ...] = ()
    if visit.org is not None:
        mine = (
            Item("/", _("Home"), "", "home"),
            Item("/billing", _("Billing"), "funds.see", "card", _billing(visit)),
            Item("/calls", _("Calls"), "calls.see", "phone", _calls(visit)),
            Item("/reports", _("Reports"), "reports.see", "bars", _reports(visit)),
            Item("/users", _("Users"), "people.see", "people", _people(visit)),
            Item("/numbers", _("Numbers"), "numbers.see", "hash"),
            Item("/rates", _("Rates"), "rates.see", "tag"),
            # Who looks after users sees who signs in, and nothing else of it.
            Item("/settings", _("Settings"), _first(visit, "settings.see", "members.see"), "sliders", _settings(visit)),
        )
    if visit.is_operator:
        mine += (Item("/operator", _("Operator"), "", "tower", _operator(visit)),)
    return _entries(visit, (*mine, Item("/help", _("Help"), "", "help")))


def _first(visit: Visit, *rights: str) -> str:
    return next((right for right in rights if visit.may(right)), rights[0])


def _billing(visit: Visit) -> tuple[Item, ...]:
    _ = visit.say
    return (
        Item("/billing/products", _("Products & services"), "funds.see"),
        Item("/billing/payment-options", _("Payment options"), "funds.see"),
        Item("/billing/receipts", _("Invoices & receipts"), "funds.see"),
        Item("/billing/statement", _("Statement"), "funds.see"),
    )


def _calls(visit: Visit) -> tuple[Item, ...]:
    _ = visit.say
    return (
        Item("/calls/live", _("In progress"), "calls.see"),
        Item("/calls/search", _("Find a call"), "calls.see"),
    )


def _reports(visit: Visit) -> tuple[Item, ...]:
    _ = visit.say
    return (
        Item("/reports/usage", _("Usage"), "reports.see"),
        Item("/reports/pools", _("Minute pools"), "reports.see"),
        Item("/reports/blocked", _("Blocked users"), "reports.see"),
        Item("/reports/forecast", _("Spend forecast"), "reports.see"),
        Item("/reports/exports", _("Exports"), "reports.see"),
    )


def _people(visit: Visit) -> tuple[Item, ...]:
    _ = visit.say
    return (
        Item("/users/list", _("Users and accounts"), "people.see"),
        Item("/users/licences", _("Licences"), "people.see"),
    )


def _settings(visit: Visit) -> tuple[Item, ...]:
    _ = visit.say
    return (
        Item("/settings/organization", _("Organization"), "settings.see"),
        Item("/settings/members", _("People who sign in"), "members.see"),
        Item("/settings/recipients", _("Alerts and recipients"), "settings.see"),
        Item("/settings/webhooks", _("Webhooks"), "settings.see"),
        Item("/settings/keys", _("API keys"), "settings.see"),
        Item("/settings/switches", _("Switches"), "settings.see"),
        Item("/settings/sign-in", _("Sign-in"), "settings.see"),
        Item("/settings/roles", _("Roles"), "settings.see"),
        Item("/settings/audit", _("Audit log"), "settings.see"),
    )


def _operator(visit: Visit) -> tuple[Item, ...]:
    _ = visit.say
    return (
        Item("/operator/organizations", _("Organizations"), "organizations.see"),
        Item("/operator/price-lists", _("Price lists"), "prices.see"),
        Item("/operator/catalogue", _("Catalogue of licences"), "prices.see"),
        Item("/operator/corrections", _("Corrections"), "corrections.see"),
        Item("/operator/providers", _("Providers"), "providers.see"),
        Item("/operator/reconciliation", _("Reconciliation"), "providers.see"),
        Item("/operator/fraud-guard", _("Fraud guard"), "operation.see"),
        Item("/operator/ledger", _("Ledger health"), "operation.see"),
        Item("/operator/jobs", _("Jobs"), "operation.see"),
        Item("/operator/system", _("System"), "operation.see"),
        Item("/operator/members", _("People of the operator"), "operation.see"),
        Item("/operator/audit", _("Audit log"), "audit.see"),
    )


def _entries(visit: Visit, items: tuple[Item, ...]) -> list[Entry]:
    return [_entry(visit, item) for item in items if not item.right or Right(item.right) in visit.rights]


def _entry(visit: Visit, item: Item) -> Entry:
    below = tuple(_entries(visit, item.below))
    is_open = visit.path == item.path or (item.path != "/" and visit.path.startswith(item.path + "/"))
    return Entry(below[0].path if below else item.path, item.label, item.icon, is_open, _is_current(visit, item), below)


def _is_current(visit: Visit, item: Item) -> bool:
    """The credits are one of the products."""
    if item.path == "/billing/products" and visit.path.startswith("/billing/credits"):
        return True
    return not item.below and (
        visit.path == item.path or (visit.path.startswith(item.path.rstrip("/") + "/") and item.path != "/")
    )
