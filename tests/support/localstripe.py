"""`localstripe`, a Stripe that others wrote, on this machine only and without its file.

It is behind Stripe's newest words: what it does not know, and what changes nothing for it, is taken off a request here.
What it does with money is its own. It has no hosted pages, no idempotency keys, no second confirmation of an intent.
"""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import import_module
from typing import Any, Self

import httpx

from talktime.payments.stripe.adapter import Stripe
from tests.support.ports import free_port

API_KEY = "sk_test_example"
UNKNOWN_TO_IT = ("allowed_payment_method_types", "description", "return_url")


def serve(port: int) -> None:
    from aiohttp import web

    resources: Any = import_module("localstripe.resources")
    server: Any = import_module("localstripe.server")
    resources.store.dump_to_disk = lambda: None
    intent: Any = resources.PaymentIntent
    create, list_all = intent._api_create.__func__, intent._api_list_all.__func__

    def created(cls: Any, /, **data: Any) -> Any:
        return create(cls, **{name: value for name, value in data.items() if name not in UNKNOWN_TO_IT})

    def listed(cls: Any, /, url: str, customer: str | None = None, created: Any = None, **data: Any) -> Any:
        found = list_all(cls, url, **data)
        found._list = [one for one in found._list if customer in (None, one.customer)]
        return found

    intent._api_create, intent._api_list_all = classmethod(created), classmethod(listed)
    intent.amount_received = property(lambda one: one.amount if one.status == "succeeded" else 0)
    web.run_app(server.app, host="127.0.0.1", port=port, print=None, access_log=None)


class LocalStripe:
    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tests.support.localstripe", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._http = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False)
        self._await()

    def _await(self) -> None:
        for _ in range(200):
            try:
                self._http.get("/v1/customers")
                return
            except httpx.TransportError:
                time.sleep(0.05)
        self.close()
        raise RuntimeError("localstripe did not start")

    def card(self, number: str) -> dict[str, str]:
        card = {"number": number, "exp_month": "4", "exp_year": "2031", "cvc": "123"}
        form = {"type": "card"} | {f"card[{name}]": value for name, value in card.items()}
        customer = self._made("/v1/customers", {"email": "someone@example.com"})
        method = self._made("/v1/payment_methods", form)
        self._made(f"/v1/payment_methods/{method}/attach", {"customer": customer})
        return {"customer": customer, "payment_method": method}

    def _made(self, path: str, form: dict[str, str]) -> str:
        answer = self._http.post(path, data=form).raise_for_status()
        return str(answer.json()["id"])

    def provider(self) -> Stripe:
        return Stripe(API_KEY, [], self.url)

    def close(self) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
