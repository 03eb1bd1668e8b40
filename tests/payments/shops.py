"""A provider, cards for it, and orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple

from msgspec.structs import replace

from talktime.core.gateway import Order
from talktime.payments.stripe.adapter import Stripe

FAKE, LOCALSTRIPE = "fake", "localstripe"
RETURN_URL = "https://talktime.example.com/back"

_numbers = count(1)


class Shop(NamedTuple):
    provider: Stripe
    card: Callable[[str], Mapping[str, str]]


def order(method: Mapping[str, str], units: int = 50, currency: str = "USD") -> Order:
    number = next(_numbers)
    return Order(
        key=f"pay:example-{number}",
        organization="org_1",
        payment=f"payment-{number}",
        amount=units * 1_000_000,
        currency=currency,
        method=method,
        live=False,
        off_session=True,
        return_url=RETURN_URL,
    )


def in_person(one: Order) -> Order:
    return replace(one, off_session=False)
