"""Bugs by which the order of messages, or their number, would matter."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from talktime.actions import inbox
from talktime.actions.inbox import Inbox
from talktime.core.gateway import State, Told
from talktime.storage import payment_store
from talktime.storage.payment_store import FAILED, Payment
from tests.gateway.orders import Figures, run, some
from tests.gateway.runs import on_sqlite

_of_payment, _of_refund = Inbox._of_payment, inbox._of_refund
ORDERS_MAX = 60


def _last_word(self: Inbox, tx: Any, org: Any, payment: Payment, told: Told, now: int) -> None:
    if told.state is State.DECLINED:
        payment_store.change(tx, payment, state=FAILED, due_at=None)
        return
    _of_payment(self, tx, org, payment, told, now)


def _too_early(tx: Any, terms: Any, org: Any, payment: Payment, event: Any, now: int) -> None:
    if payment.settled_at is not None:
        _of_refund(tx, terms, org, payment, event, now)


DISORDER: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "the last word about a payment counts": lambda: patch.object(Inbox, "_of_payment", _last_word),
    "a refund that is heard of before its payment is forgotten": lambda: patch.object(inbox, "_of_refund", _too_early),
}


def caught(bug: str) -> Figures:
    with DISORDER[bug]():
        return run(iter(some(ORDERS_MAX, 1)), on_sqlite)
