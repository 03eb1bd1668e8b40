"""Stripe as far as we use it, on this machine: for hosted pages, declines, disputes and bad days, which the servers of
others do not play. The same sentences are tested against those where they can.

with FakeStripe() as stripe:
    method = stripe.account.card("4000000000009995")      # by Stripe's own test numbers
    stripe.fault_next([Fault.LOSE_ANSWER], on="POST /v1/payment_intents")
    stripe.provider().charge(order)                       # nobody hears that
    stripe.charges                                        # money was taken
    stripe.events()                                       # what Stripe would send now: bodies with headers
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from threading import Event, Lock
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from stripe import WebhookSignature

from talktime.payments.stripe.adapter import Stripe
from tests.support.fake_stripe_account import Attempt, FakeAccount, Taken
from tests.support.fake_stripe_objects import Object, Params, Refusal
from tests.support.fake_stripe_routes import routed
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.loopback import Answer, Loopback, Request

API_KEY = "sk_test_example"
SECRET = "whsec_example"

NOT_KEPT = {400, 401, 403, 404, 409, 429}
"""Answers that are not repeated for the same key: nothing was begun."""


class Delivery(NamedTuple):
    body: bytes
    headers: dict[str, str]
    """With small names."""


class _Known(NamedTuple):
    asked: bytes
    answer: Answer | None
    """None: it is being worked on."""


class FakeStripe(Loopback):
    """`url` is the bad network in front of it."""

    def __init__(self, delay_seconds: float = 2.0) -> None:
        self.account = FakeAccount()
        self.working = Event()
        self.working.set()
        """Cleared: whatever takes money waits for it."""
        self.turns_away: int | None = None
        """With which status it turns away whoever comes with our key, as after somebody has revoked it."""
        self._lock = Lock()
        self._acting = Lock()
        self._known: dict[str, _Known] = {}
        self._breaks: list[bool] = []
        self._delivered = 0
        super().__init__()
        self.proxy = FaultProxy(self.url, delay_seconds)
        self.url = self.account.url = self.proxy.url

    def close(self) -> None:
        self.proxy.close()
        super().close()

    # ---------------------------------------------------------------- for tests

    @property
    def charges(self) -> list[Taken]:
        return list(self.account.charges)

    @property
    def refunds(self) -> list[Taken]:
        return self.account.refunds

    @property
    def attempts(self) -> list[Attempt]:
        return list(self.account.attempts)

    @property
    def busy(self) -> bool:
        """Whether something is being worked on."""
        with self._lock:
            return any(known.answer is None for known in self._known.values())

    def fault_next(self, faults: Iterable[Fault | str], on: str = "") -> None:
        self.proxy.fault_next(faults, on)

    def break_next(self, acts: bool) -> None:
        """The next change ends in a 500 of Stripe's own, which it repeats for the same key, as it does."""
        self._breaks.append(acts)

    def events(self) -> list[Delivery]:
        """What was not handed out before, signed now. A delivery may be posted any number of times, in any order."""
        with self._lock:
            fresh = self.account.told[self._delivered :]
            self._delivered = len(self.account.told)
        return [signed(one) for one in fresh]

    def provider(self, read_seconds: int = 5) -> Stripe:
        return Stripe(API_KEY, [SECRET], self.url, read_seconds)

    # ---------------------------------------------------------------- the server

    def answer(self, request: Request) -> Answer:
        if not request.path.startswith("/v1/"):
            return self._page(request)
        if self.turns_away or request.headers.get("authorization") != f"Bearer {API_KEY}":
            error = {"type": "invalid_request_error", "message": "Invalid API Key provided"}
            return _json(self.turns_away or 401, {"error": error})
        key = request.headers.get("idempotency-key")
        return self._once(key, request) if request.method == "POST" and key else self._done(request)

    def _once(self, key: str, request: Request) -> Answer:
        asked = request.path.encode() + b" " + request.body
        with self._lock:
            known = self._known.get(key)
            if known is None:
                self._known[key] = _Known(asked, None)
        if known is None:
            return self._first(key, asked, request)
        if known.asked != asked:
            return _idempotency_error(400, "Keys can only be used with the same parameters they were first used with.")
        return known.answer or _idempotency_error(409, "There is another request in progress under this key.")

    def _first(self, key: str, asked: bytes, request: Request) -> Answer:
        self.working.wait(10)
        answer = self._done(request) if not self._breaks else self._broken(request)
        with self._lock:
            if answer.status in NOT_KEPT:
                del self._known[key]
            else:
                self._known[key] = _Known(asked, answer)
        return answer

    def _broken(self, request: Request) -> Answer:
        if self._breaks.pop(0):
            self._done(request)
        return _json(500, {"error": {"type": "api_error", "message": "An unknown error occurred."}})

    def _done(self, request: Request) -> Answer:
        try:
            with self._acting:
                return _json(200, routed(self.account, request))
        except Refusal as refusal:
            return _json(refusal.status, {"error": refusal.error})

    # ---------------------------------------------------------------- pages for people

    def _page(self, request: Request) -> Answer:
        kind, name = urlsplit(request.path).path.split("/")[1:3]
        form = dict(parse_qsl(request.body.decode()))
        if request.method != "POST":
            return _html(kind)
        with self._acting:
            return self._paid(name, form) if kind == "pay" else self._authenticated(name, form)

    def _paid(self, session: str, form: Params) -> Answer:
        try:
            page = self.account.fill_in(session, form["number"].replace(" ", ""))
        except Refusal as refusal:
            return _html("pay", refusal.error["message"])
        return _redirect(page["success_url"].replace("{CHECKOUT_SESSION_ID}", session))

    def _authenticated(self, reference: str, form: Params) -> Answer:
        intent = self.account.authenticate(reference, form["answer"] == "yes")
        return _redirect(intent["return_url"])


def signed(event: Object, secret: str = SECRET, at: int | None = None) -> Delivery:
    body = json.dumps(event, indent=2)
    signature = WebhookSignature.generate_signature_header(body, secret, at)
    return Delivery(body.encode(), {"content-type": "application/json", "stripe-signature": signature})


def _json(status: int, content: Object) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(content).encode())


def _idempotency_error(status: int, message: str) -> Answer:
    return _json(status, {"error": {"type": "idempotency_error", "message": message}})


def _html(kind: str, message: str = "") -> Answer:
    field = "number" if kind == "pay" else "answer"
    page = f"<!doctype html><title>{kind}</title><p>{message}<form method=post><input name={field}><button>OK</button>"
    return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, page.encode())


def _redirect(url: str) -> Answer:
    return Answer(303, {"Location": url}, b"")
