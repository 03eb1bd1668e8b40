"""May the call go on? The checks in their order; the first that fails gives the reason.

The next ones (policies, licences, pools, the fraud guard) take their places in this list.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from talktime.core.call_types import NOBODY_IS_ASKED, NOBODY_PAYS
from talktime.core.calls import Asked, Refusal
from talktime.core.organizations import Account, User
from talktime.core.phone import is_usable
from talktime.core.rates import Rate, price


class Question(Struct, frozen=True, gc=False):
    """All that a check may look at."""

    asked: Asked
    account: Account
    user: User | None
    rate: Rate | None
    available: int


Check = Callable[[Question], bool]


def is_open_for_calls(question: Question) -> bool:
    return not question.account.closed


def is_usable_number(question: Question) -> bool:
    return is_usable(question.asked.to)


def is_known_user(question: Question) -> bool:
    return question.user is not None or question.asked.call_type in NOBODY_IS_ASKED


def has_price(question: Question) -> bool:
    return question.rate is not None


def has_credits(question: Question) -> bool:
    return question.account.credits_set_up


def is_covered(question: Question) -> bool:
    """Something must be there even for a price of nothing."""
    rate = question.rate
    return question.available > 0 and rate is not None and price(rate, rate.initial_seconds) <= question.available


MAY_CALL: tuple[tuple[Refusal, Check], ...] = (
    (Refusal.ORGANIZATION_CLOSED, is_open_for_calls),
    (Refusal.INVALID_NUMBER, is_usable_number),
    (Refusal.NO_LICENCE, is_known_user),
)
CREDITS_PAY: tuple[tuple[Refusal, Check], ...] = (
    (Refusal.NO_RATE, has_price),
    (Refusal.CREDITS_NOT_SET_UP, has_credits),
    (Refusal.NO_BALANCE, is_covered),
)


def checks_of(asked: Asked) -> tuple[tuple[Refusal, Check], ...]:
    """A call that nobody pays is not asked about money."""
    return MAY_CALL if asked.call_type in NOBODY_PAYS else MAY_CALL + CREDITS_PAY


def refusal(question: Question) -> Refusal | None:
    for reason, holds in checks_of(question.asked):
        if not holds(question):
            return reason
    return None


def outcomes(asked: Asked, reason: Refusal | None) -> list[tuple[str, str]]:
    """Each check with its outcome, up to the one that failed."""
    if reason is Refusal.ALREADY_ENDED:
        return [("has_not_ended", reason.value)]
    told: list[tuple[str, str]] = []
    for check, holds in checks_of(asked):
        failed = check == reason
        told.append((holds.__name__, check.value if failed else "passed"))
        if failed:
            break
    return told
