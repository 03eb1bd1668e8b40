"""All routes, in one place. Each names who may use it, or is one of the few that everybody may."""

from __future__ import annotations

from collections.abc import Sequence

from talktime.web import (
    blocked_users,
    call_log,
    calls,
    clocks,
    corrections,
    deliveries,
    docs,
    entries,
    exports,
    funds,
    health,
    illustrative_prices,
    keys,
    knowledge,
    licences,
    notices,
    numbers,
    organizations,
    people,
    pools,
    price_lists,
    rates,
    spend_forecast,
    switches,
    usage,
    usage_summary,
    user_files,
    verification,
    webhooks,
)
from talktime.web.routes import Route

PUBLIC = frozenset({"/healthz", "/readyz", "/metrics", "/v1/openapi.json", "/v1/docs"})


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
    *funds.ROUTES,
    *corrections.ROUTES,
    *entries.ROUTES,
    *people.ROUTES,
    *user_files.ROUTES,
    *licences.ROUTES,
    *numbers.ROUTES,
    *organizations.ROUTES,
    *keys.ROUTES,
    *clocks.ROUTES,
    *price_lists.ROUTES,
    *illustrative_prices.ROUTES,
    *rates.ROUTES,
    *usage.ROUTES,
    *pools.ROUTES,
    *notices.ROUTES,
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
ROUTES = guarded([*API, *docs.routes([*API, *health.ROUTES]), *health.ROUTES])
