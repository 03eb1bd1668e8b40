"""The portal is a client of the API in the same process: what a page may do is what a route does, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from talktime.app import App
from talktime.core.roles import Right
from talktime.core.scopes import Caller, Scope
from talktime.web.cold import answer_cold
from talktime.web.problems import Problem, problem_of
from talktime.web.routes import File, Raw, Request, Route, Router
from talktime.web.table import ROUTES

ROUTER: Router[Route] = Router(ROUTES)
# The longest beginning decides.
AREAS = {
    "/v1/agreements": "funds",
    "/v1/alerts": "settings",
    "/v1/audit": "settings",
    "/v1/balance": "funds",
    "/v1/billing-details": "funds",
    "/v1/calls": "calls",
    "/v1/communications": "reports",
    "/v1/entries": "funds",
    "/v1/exports": "reports",
    "/v1/licences": "people",
    "/v1/lots": "funds",
    "/v1/members": "members",
    "/v1/notices": "reports",
    "/v1/numbers": "numbers",
    "/v1/operator/audit": "audit",
    "/v1/operator/deliveries": "operation",
    "/v1/operator/inbox": "providers",
    "/v1/operator/jobs": "operation",
    "/v1/operator/keys": "operation",
    "/v1/operator/licence-catalogue": "prices",
    "/v1/operator/members": "operation",
    "/v1/operator/number-rows": "prices",
    "/v1/operator/organizations": "organizations",
    "/v1/operator/organizations/{org}/adjustments": "corrections",
    "/v1/operator/organizations/{org}/grants": "corrections",
    "/v1/operator/organizations/{org}/reversals": "corrections",
    "/v1/operator/organizations/{org}/simulator": "providers",
    "/v1/operator/payments": "providers",
    "/v1/operator/price-lists": "prices",
    "/v1/operator/providers": "providers",
    "/v1/operator/reconciliation": "providers",
    "/v1/operator/set-up-link": "operation",
    "/v1/operator/verify": "operation",
    "/v1/payment-methods": "funds",
    "/v1/pools": "reports",
    "/v1/rates": "rates",
    "/v1/receipts": "funds",
    "/v1/recharge-settings": "funds",
    "/v1/reports": "reports",
    "/v1/statements": "funds",
    "/v1/switches": "settings",
    "/v1/top-ups": "funds",
    "/v1/usage": "reports",
    "/v1/users": "people",
    "/v1/webhooks": "settings",
}
# Who may read reports may have them as a file.
READING = {"/v1/exports"}
OF_PATHS = "/%():,=@"
"""What stands in an address as it is."""
SCOPES = frozenset(Scope)


def right_for(route: Route) -> Right:
    """KeyError: a page must not ask for this at all."""
    fitting = [begin for begin in AREAS if route.path == begin or route.path.startswith((begin + "/", begin + "("))]
    begin = max(fitting, key=len)
    change = route.writes and begin not in READING
    return Right(f"{AREAS[begin]}.{'change' if change else 'see'}")


class Asking:
    """On whose behalf the API is asked."""

    def __init__(self, app: App, caller: Caller, org_id: int, rights: frozenset[Right], address: str, now: int) -> None:
        self._app, self._caller, self._org_id, self._rights = app, caller, org_id, rights
        self._address, self._now = address, now

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str | None = None,
        raw: tuple[bytes, str] | None = None,
    ) -> Any:
        """The answer as plain values, or a file. `raw`: a body that is no JSON, and its kind."""
        route, names = ROUTER.find(method, quote(path, safe=OF_PATHS).encode())
        if right_for(route) not in self._rights:
            raise Problem(403, "forbidden")
        content, kind = raw or (b"" if body is None else msgspec.json.encode(body), "application/json")
        asked = {name: str(value) for name, value in (query or {}).items() if value not in (None, "")}
        values = (self._caller, self._org_id, None, asked, names, content, kind, self._now, "portal", self._address)
        request: Request[Any] = Request(self._app, *values)
        answer = _answered(route, request, key)
        return answer if isinstance(answer, (Raw, File)) or not answer else msgspec.json.decode(answer)


def _answered(route: Route, request: Request[Any], key: str | None) -> Any:
    """Whatever is refused is a Problem for a page."""
    try:
        return answer_cold(route, request, key.encode() if key else None)[1]
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        raise problem from error
