"""What the fake Stripe answers where. What it does not know it refuses, as Stripe does."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from tests.support.fake_stripe_account import FakeAccount
from tests.support.fake_stripe_objects import Object, Params, Refusal
from tests.support.loopback import Request

Act = Callable[[FakeAccount, str, Params], Object]


def routed(account: FakeAccount, request: Request) -> Object:
    where = urlsplit(request.path)
    params = dict(parse_qsl(request.body.decode() or where.query, keep_blank_values=True))
    expanded = [value for name, value in params.items() if name.startswith("expand[")]
    for pattern, allowed, act in ROUTES:
        if found := re.fullmatch(pattern, f"{request.method} {where.path}"):
            _check(params, allowed)
            return account.expanded(act(account, "".join(found.groups()), params), expanded)
    raise Refusal(404, message=f"Unrecognized request URL ({request.method}: {where.path})")


def _check(params: Params, allowed: str) -> None:
    unknown = {name.partition("[")[0] for name in params} - {*allowed.split(), "expand"}
    if unknown:
        raise Refusal(400, code="parameter_unknown", message=f"Received unknown parameters: {sorted(unknown)}")


def _listed(kind: str) -> Act:
    def act(account: FakeAccount, _: str, params: Params) -> Object:
        since = int(params.get("created[gte]", 0))
        fitting = [one for one in account.of_kind(kind) if one["created"] >= since and _is_of(one, params)]
        names = [one["id"] for one in fitting]
        begin = names.index(params["starting_after"]) + 1 if "starting_after" in params else 0
        end = begin + int(params.get("limit", 10))
        return {"object": "list", "data": fitting[begin:end], "has_more": end < len(fitting), "url": f"/v1/{kind}s"}

    return act


def _is_of(one: Object, params: Params) -> bool:
    return all(one[name] == params[name] for name in ("customer", "payment_intent") if name in params)


def _account(account: FakeAccount, _: str, __: Params) -> Object:
    return {"id": "acct_example", "object": "account", "charges_enabled": True}


ORDER = "amount currency customer payment_method allowed_payment_method_types confirm description metadata off_session"
PAGE = "mode allowed_payment_method_types client_reference_id metadata success_url cancel_url customer"
ROUTES: list[tuple[str, str, Act]] = [
    (r"POST /v1/payment_intents", f"{ORDER} return_url", lambda one, _, params: one.intent(params)),
    (r"GET /v1/payment_intents", "customer created limit starting_after", _listed("payment_intent")),
    (r"GET /v1/payment_intents/(\w+)", "", lambda one, name, _: one.found(name)),
    (
        r"POST /v1/payment_intents/(\w+)/confirm",
        "payment_method return_url off_session",
        lambda one, name, params: one.confirm(name, params),
    ),
    (r"POST /v1/payment_intents/(\w+)/cancel", "", lambda one, name, _: one.cancel(name)),
    (r"POST /v1/refunds", "payment_intent amount metadata", lambda one, _, params: one.refund(params)),
    (r"GET /v1/refunds", "payment_intent created limit starting_after", _listed("refund")),
    (r"GET /v1/disputes", "payment_intent created limit starting_after", _listed("dispute")),
    (r"POST /v1/customers", "metadata", lambda one, _, params: one.customer(params)),
    (r"POST /v1/checkout/sessions", PAGE, lambda one, _, params: one.session(params)),
    (r"GET /v1/checkout/sessions/(\w+)", "", lambda one, name, _: one.found(name)),
    (r"POST /v1/payment_methods/(\w+)/detach", "", lambda one, name, _: one.detach(name)),
    (r"GET /v1/account", "", _account),
]
