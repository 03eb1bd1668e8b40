"""The official library, held by its reins: our time-outs, no retries of its own, one version of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from stripe import (
    AuthenticationError,
    CardError,
    IdempotencyError,
    InvalidRequestError,
    PermissionError,
    RequestsClient,
    StripeClient,
    StripeObject,
)

from talktime.core.gateway import NotLetIn, ProviderError

VERSION = "2026-10-28.endive"
"""What Stripe answers is written for this one. Events come in the version of their endpoint: it must be the same."""
API_BASE = "https://api.stripe.com"
CONNECT_SECONDS, READ_SECONDS = 5, 20

Read = TypeVar("Read")


class Unanswered(Exception):
    """Nothing was heard that says what has happened."""


class KeyUsed(Unanswered):
    """Something else was asked under this key before, and is over."""


class CardRefused(Unanswered):
    """The card was not charged. Where no card is charged, it says nothing."""

    def __init__(self, body: object) -> None:
        super().__init__("a card was refused")
        self.body = body


class Refused(ProviderError):
    """Stripe does not do this with what it has."""


def connected(api_key: str, api_base: str, read_seconds: int = READ_SECONDS) -> StripeClient:
    return StripeClient(
        api_key,
        stripe_version=VERSION,
        base_addresses={"api": api_base},
        http_client=RequestsClient(timeout=(CONNECT_SECONDS, read_seconds)),
        max_network_retries=0,
    )


@contextmanager
def heard() -> Iterator[None]:
    """A refusal of the request is certain; whatever else goes wrong says nothing."""
    try:
        yield
    except (ProviderError, Unanswered):
        raise
    except CardError as error:
        raise CardRefused(error.json_body) from error
    except (AuthenticationError, PermissionError) as error:
        raise NotLetIn(f"Stripe does not accept the key: {error.user_message}") from error
    except InvalidRequestError as error:
        raise Refused(f"Stripe: {error.user_message}") from error
    except IdempotencyError as error:
        raise KeyUsed(str(error)) from error
    except Exception as error:
        # Over an answer that is none of Stripe's, the library falls in many ways.
        raise Unanswered(type(error).__name__) from error


def read(kind: type[Read], answer: StripeObject) -> Read:
    try:
        return msgspec.convert(answer.to_dict(), kind)
    except msgspec.ValidationError as error:
        raise Unanswered(str(error)) from error


def asked(kind: type[Read], ask: Callable[[], StripeObject]) -> Read:
    """Where no money is at stake, no answer is simply an error."""
    try:
        with heard():
            return read(kind, ask())
    except Unanswered as error:
        raise ProviderError(f"Stripe did not answer: {error}") from error
