"""All routes, in one place. Each names who may use it, or is one of the few that everybody may."""

from __future__ import annotations

from collections.abc import Sequence

from talktime.web import (
    agreements,
    alerts,
    billing_details,
    blocked_users,
    call_log,
    calls,
    clocks,
    corrections,
    deliveries,
    docs,
    documents,
    entries,
    exports,
    funds,
    health,
    hosted,
    illustrative_prices,
    keys,
    knowledge,
    licences,
    members,
    notices,
    numbers,
    organizations,
    payment_methods,
    people,
    pools,
    price_lists,
    providers,
    rates,
    receipts,
    recharge_settings,
    reconciliation,
    simulators,
    spend_forecast,
    statements,
    switch_doors,
    switches,
    top_ups,
    usage,
    usage_summary,
    user_files,
    verification,
    webhooks,
)
from talktime.web.routes import Route

PUBLIC = hosted.PUBLIC | {"/healthz", "/readyz", "/metrics", "/v1/openapi.json", "/v1/docs", "/v1/document.css"}


class Unguarded(Exception):
    """A route that names no scope and is not meant for everybody: the server does not start with it."""


def guarded(routes: Sequence[Route]) -> list[Route]:
    for route in routes:
        if (route.scope is None) != (route.path in PUBLIC):
            raise Unguarded(f"{route.method} {route.path}")
    return list(routes)


API = [
    *calls.ROUTES,
    *switches.ROUTES,
    *switch_doors.ROUTES,
    *funds.ROUTES,
    *top_ups.ROUTES,
    *recharge_settings.ROUTES,
    *payment_methods.ROUTES,
    *agreements.ROUTES,
    *corrections.ROUTES,
    *entries.ROUTES,
    *receipts.ROUTES,
    *statements.ROUTES,
    *billing_details.ROUTES,
    *documents.ROUTES,
    *people.ROUTES,
    *members.ROUTES,
    *user_files.ROUTES,
    *licences.ROUTES,
    *numbers.ROUTES,
    *organizations.ROUTES,
    *keys.ROUTES,
    *clocks.ROUTES,
    *simulators.ROUTES,
    *reconciliation.ROUTES,
    *providers.ROUTES,
    *price_lists.ROUTES,
    *illustrative_prices.ROUTES,
    *rates.ROUTES,
    *usage.ROUTES,
    *pools.ROUTES,
    *notices.ROUTES,
    *alerts.ROUTES,
    *webhooks.ROUTES,
    *deliveries.ROUTES,
    *usage_summary.ROUTES,
    *spend_forecast.ROUTES,
    *exports.ROUTES,
    *call_log.ROUTES,
    *blocked_users.ROUTES,
    *knowledge.ROUTES,
    *verification.ROUTES,
]
DESCRIBED = [*API, *health.ROUTES]
ROUTES = guarded([*DESCRIBED, *docs.routes(DESCRIBED), *hosted.ROUTES])
