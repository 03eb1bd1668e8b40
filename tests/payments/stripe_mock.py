"""Every request that we make of Stripe, judged by `stripe-mock`: Stripe's own server of its description of its API.

It judges what we say, not what money does: it keeps nothing. Its description is of 2026-08-26, before our version of
the API, when the list of what a hosted page takes had another name: that one name is put back on the way.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import httpx

from talktime.core.gateway import ProviderError
from talktime.payments.stripe.adapter import Stripe
from tests.payments.shops import RETURN_URL, in_person, order
from tests.support.fault_proxy import FaultProxy
from tests.support.loopback import Answer, Request
from tests.support.ports import free_port

MODULE = "github.com/stripe/stripe-mock@v0.203.0"
METHOD = {"customer": "cus_example", "payment_method": "pm_example"}


class NotRun(Exception):
    """It could not be built or started here; the message says why."""


class Between(FaultProxy):
    """Speaks as the version before, and counts. `nonsense` is what we would never say."""

    def __init__(self, target: str, nonsense: bytes = b"") -> None:
        self.requests = 0
        self._nonsense = nonsense
        super().__init__(target)

    def answer(self, request: Request) -> Answer | None:
        self.requests += 1
        body = request.body
        if request.path == "/v1/checkout/sessions":
            body = body.replace(b"allowed_payment_method_types", b"payment_method_types")
        if request.method == "POST":
            body = b"&".join(filter(None, (body, self._nonsense)))
        return super().answer(request._replace(body=body))


def run() -> str:
    with _served() as url, Between(url) as between:
        refused = _refused(between.url)
        if refused:
            raise AssertionError(f"Stripe would not have understood: {refused}")
        asked = between.requests
    return f"{len(_asks(Stripe('sk_test_example', [])))} kinds of questions, {asked} requests: all understood"


def refused_with_nonsense() -> Mapping[str, str]:
    """The self-check: what must not be there is told."""
    with _served() as url, Between(url, b"nonsense=1") as between:
        return _refused(between.url)


def _refused(url: str) -> dict[str, str]:
    refused = {}
    for name, ask in _asks(Stripe("sk_test_example", [], url)).items():
        try:
            ask()
        except ProviderError as error:
            refused[name] = str(error)
    return refused


def _asks(stripe: Stripe) -> dict[str, Callable[[], object]]:
    one = order(METHOD)
    return {
        "charge": lambda: stripe.charge(one),
        "charge in person": lambda: stripe.charge(in_person(one)),
        "look up by reference": lambda: stripe.look_up(one, "pi_example"),
        "look up by name": lambda: stripe.look_up(one, None),
        "cancel": lambda: stripe.cancel(one, "pi_example"),
        "cancel what never came": lambda: stripe.cancel(one, None),
        "authenticate": lambda: stripe._intents._confirmed(one, "pi_example", RETURN_URL),
        "refund": lambda: stripe.refund(one, "pi_example", "refund-1", 1_000_000),
        "look up a refund": lambda: stripe.look_up_refund(one, "pi_example", "refund-1"),
        "begin a card": lambda: stripe.begin_card("org_1", None, RETURN_URL, RETURN_URL),
        "begin another card": lambda: stripe.begin_card("org_1", METHOD, RETURN_URL, RETURN_URL),
        "finish a card": lambda: stripe.finish_card("cs_example"),
        "forget a card": lambda: stripe.forget_card(METHOD),
        "reconcile": lambda: list(stripe.taken_since(1_800_000_000_000_000)),
        "what was given back": lambda: list(stripe.given_back_since(1_800_000_000_000_000)),
        "check": stripe.check,
    }


@contextmanager
def _served() -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="talktime-stripe-mock-") as folder:
        # Without an address of its own it would also listen elsewhere.
        command = [_built(Path(folder)), "-http-addr", address, "-https-addr", f"127.0.0.1:{free_port()}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _await(f"http://{address}")
                yield f"http://{address}"
            finally:
                process.terminate()


def _built(folder: Path) -> str:
    """`stripe-mock` as it is installed, or built for this run."""
    if found := which("stripe-mock"):
        return found
    if which("go") is None:
        raise NotRun("neither stripe-mock nor go is installed")
    built = subprocess.run(
        ["go", "install", MODULE], env=os.environ | {"GOBIN": str(folder)}, capture_output=True, text=True, timeout=600
    )
    if built.returncode:
        raise NotRun(f"go install {MODULE}: {built.stderr.strip()[-500:]}")
    return str(folder / "stripe-mock")


def _await(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise NotRun("stripe-mock did not start")


def main() -> None:
    try:
        print(run())
    except NotRun as reason:
        sys.exit(f"NOT RUN: {reason}")


if __name__ == "__main__":
    main()
