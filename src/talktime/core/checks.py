"""May the call go on, and who pays? The checks in their order; the first that fails gives the reason."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from talktime.core.call_types import NOBODY_IS_ASKED, CallType
from talktime.core.calls import Asked, Call, Granted, Refusal, Refused
from talktime.core.cases import Case
from talktime.core.fraud import Attempt, Tally, broken_limit, forbidden_kind
from talktime.core.may_dial import may_dial, policy_of
from talktime.core.months import day_of
from talktime.core.numbers import NumberKind
from talktime.core.organizations import Account, User
from talktime.core.phone import is_usable
from talktime.core.policies import Policy
from talktime.core.rates import FREE, Rate, price
from talktime.core.reach import Means, Stretch, stretch
from talktime.core.usage import Payer

WITHOUT_CREDITS = frozenset({"RU", "KR", "TW"})
"""Where credits do not exist; pools there are larger instead."""


class Question(Struct, frozen=True, gc=False):
    """All that a check may look at."""

    asked: Asked
    account: Account
    user: User | None
    case: Case
    rate: Rate | None
    available: int
    at: int
    left: int | None = None
    """Minutes of the pool that would pay; None: there is none."""
    tally: Tally | None = None
    """None: nothing is counted."""


Check = Callable[[Question], bool]

# ----------------------------------------------------------------------------------------- may it go on?


def is_open_for_calls(question: Question) -> bool:
    return not question.account.closed


def is_usable_number(question: Question) -> bool:
    return is_usable(question.asked.to)


def is_not_blocked(question: Question) -> bool:
    return not question.case.outgoing or question.user is None or not question.user.blocked


def policy_allows(question: Question) -> bool:
    user, case = question.user, question.case
    if user is None or case.number is None:
        return True
    policy = policy_of(Policy(user.policy) if user.policy else None, Policy(question.account.policy))
    return may_dial(policy, question.asked.call_type, user.location, case.number.country, case.emergency)


def has_licence(question: Question) -> bool:
    return question.case.licence is not None or question.asked.call_type in NOBODY_IS_ASKED


def is_supported_number(question: Question) -> bool:
    case = question.case
    if not case.outgoing or case.own_carrier or case.number is None:
        return True
    from_meeting = question.asked.call_type is CallType.CONF_OUT
    return case.number.is_allowed(None if from_meeting else case.home)


def is_within_fraud_limits(question: Question) -> bool:
    return broken_rule(question) is None


# ----------------------------------------------------------------------------------------- who pays?


def pool_pays(question: Question) -> bool:
    return bool(question.left)


def nobody_has_to_pay(question: Question) -> bool:
    return question.case.free


def has_price(question: Question) -> bool:
    return question.rate is not None


def has_credits(question: Question) -> bool:
    return question.account.credits_set_up and question.account.country not in WITHOUT_CREDITS


def has_credits_licence(question: Question) -> bool:
    return question.case.rights.credits or not question.case.asks_credits_licence


def is_covered(question: Question) -> bool:
    return question.rate is not None and covers(question.available, question.rate)


def covers(available: int, rate: Rate) -> bool:
    """Something must be there even for a price of nothing."""
    return available > 0 and price(rate, rate.initial_seconds) <= available


MAY_CALL: tuple[tuple[Refusal, Check], ...] = (
    (Refusal.ORGANIZATION_CLOSED, is_open_for_calls),
    (Refusal.INVALID_NUMBER, is_usable_number),
    (Refusal.USER_BLOCKED, is_not_blocked),
    (Refusal.POLICY_RESTRICTED, policy_allows),
    (Refusal.NO_LICENCE, has_licence),
    (Refusal.NUMBER_NOT_SUPPORTED, is_supported_number),
    (Refusal.FRAUD_LIMIT, is_within_fraud_limits),
)
CREDITS_PAY: tuple[tuple[Refusal, Check], ...] = (
    (Refusal.NO_RATE, has_price),
    (Refusal.CREDITS_NOT_SET_UP, has_credits),
    (Refusal.NO_CREDITS_LICENCE, has_credits_licence),
    (Refusal.NO_BALANCE, is_covered),
)

# ----------------------------------------------------------------------------------------- the verdict


class Verdict(Struct, frozen=True, gc=False):
    refusal: Refusal | None
    payer: Payer | None = None
    """Of what no pool pays; None: nobody would."""


ALLOWED_FREE = Verdict(None, Payer.NONE)


def verdict(question: Question) -> Verdict:
    if question.case.emergency:
        return ALLOWED_FREE
    for reason, holds in MAY_CALL:
        if not holds(question):
            return Verdict(reason)
    if pool_pays(question):
        return Verdict(None, who_pays(question).payer)
    return who_pays(question)


def who_pays(question: Question) -> Verdict:
    """What no pool pays. Asked again when a call goes over from its pool."""
    if nobody_has_to_pay(question):
        return ALLOWED_FREE
    for reason, holds in CREDITS_PAY:
        if not holds(question):
            later = reason is Refusal.NO_BALANCE and question.account.postpaid
            return Verdict(None, Payer.POSTPAID) if later else Verdict(reason)
    return Verdict(None, Payer.CREDITS)


def means_of(question: Question, payer: Payer | None) -> Means:
    funds = question.available if payer is Payer.CREDITS else None
    rate = FREE if payer is Payer.NONE else question.rate or FREE
    return Means(rate, question.left or None, payer is not None, funds)


def longest(account: Account) -> int:
    """The longest call: the organization's and the fraud guard's."""
    return min(account.max_call_seconds, account.guard.call_seconds or account.max_call_seconds)


def first_slice(question: Question, payer: Payer | None) -> Stretch:
    end = min(question.account.slice_seconds, longest(question.account))
    return stretch(means_of(question, payer), min(end, question.asked.requested_seconds or end))


# ----------------------------------------------------------------------------------------- the fraud guard


def broken_rule(question: Question) -> str | None:
    case = question.case
    if not case.outgoing or case.own_carrier or question.user is None or case.number is None:
        return None
    attempt = _attempt(question)
    guard = question.account.guard
    if kind := forbidden_kind(guard, attempt):
        return kind
    return broken_limit(guard, question.tally, attempt) if question.tally else None


def _attempt(question: Question) -> Attempt:
    case, number, account = question.case, question.case.number, question.account
    assert number is not None
    return Attempt(
        is_international=number.country != case.home,
        is_premium=number.kind is NumberKind.PREMIUM,
        is_high_risk=number.high_risk,
        destination=number.destination,
        day=day_of(question.at, account.time_zone) if question.tally else "",
        now=question.at,
        hold=_hold(question) if account.guard.limits_spending else 0,
    )


def _hold(question: Question) -> int:
    """What would be held for the first slice, if the call may go on at all."""
    payer = who_pays(question).payer
    return first_slice(question, payer).cost if payer is Payer.CREDITS else 0


# ----------------------------------------------------------------------------------------- the story

PASSED, PAYS, NO, FREE_OF_CHARGE = "passed", "pays", "no", "free"


def outcomes(call: Call) -> list[tuple[str, str]]:
    """Each check with its outcome, up to the one that decided."""
    if call.asked is None or call.answer is None:
        return []
    if isinstance(call.answer, Refused):
        return _of_refusal(call.asked, call.answer)
    return _of_grant(call.answer)


def _of_refusal(asked: Asked, answer: Refused) -> list[tuple[str, str]]:
    if answer.reason is Refusal.ALREADY_ENDED:
        return [("has_not_ended", answer.reason.value)]
    steps: list[tuple[Refusal | None, str, str]] = [(reason, check.__name__, PASSED) for reason, check in MAY_CALL]
    steps += [(None, check.__name__, NO) for check in (pool_pays, nobody_has_to_pay)]
    steps += [(reason, check.__name__, PASSED) for reason, check in CREDITS_PAY]
    place = [reason for reason, *_ in steps].index(answer.reason)
    before = [(name, outcome) for _, name, outcome in steps[:place]]
    return [("is_emergency", NO), *before, (steps[place][1], answer.reason.value)]


def _of_grant(answer: Granted) -> list[tuple[str, str]]:
    if answer.emergency:
        return [("is_emergency", FREE_OF_CHARGE)]
    told = [("is_emergency", NO), *((check.__name__, PASSED) for _, check in MAY_CALL)]
    told.append((pool_pays.__name__, PAYS if answer.pool else NO))
    if answer.payer is Payer.POOL:
        return told
    if answer.payer is Payer.NONE:
        return [*told, (nobody_has_to_pay.__name__, FREE_OF_CHARGE)]
    told += [(nobody_has_to_pay.__name__, NO), *((check.__name__, PASSED) for _, check in CREDITS_PAY[:-1])]
    return [*told, (is_covered.__name__, PAYS if answer.payer is Payer.CREDITS else answer.payer.value)]
