"""Ended calls that come in a file: what the rules say of a kind of them, and what becomes of one that they refuse.

Whether minutes and money are left changes from call to call; all else is the same for every call of one kind.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.calls import Asked, Call, CallState, Refusal, Refused, Settled, Terms
from talktime.core.cases import Case, case_of
from talktime.core.checks import Question, Verdict, verdict, who_pays
from talktime.core.knowledge import Knowledge
from talktime.core.organizations import Account, User
from talktime.core.rates import FREE, Rate
from talktime.core.terms import terms_of
from talktime.core.usage import Payer

ANYBODY = "*"
"""In place of the id and the number of a user: all others of his kind are alike."""


class Ruling(Struct, frozen=True):
    """What holds for all calls by one kind of user to one kind of number."""

    case: Case
    terms: Terms
    refusal: Refusal | None
    """Whoever would pay."""
    covered: Verdict
    """Of what no pool pays: with a price and money for it."""
    uncovered: Verdict
    unpriced: Verdict


def kind_of(user: User) -> User:
    """With all that the rules ask about him, and nothing else."""
    return replace(user, user_id=ANYBODY, number=ANYBODY if user.number else None)


def ruling(account: Account, user: User | None, asked: Asked, knowledge: Knowledge, toll_free: bool) -> Ruling:
    """Counters of the fraud guard are not asked: what is over can no longer be stopped."""
    case = case_of(asked, account, user, knowledge, toll_free)
    question = Question(asked, account, user, case, FREE, available=1, at=0)
    covered = who_pays(question)
    return Ruling(
        case,
        terms_of(question, covered.payer, None),
        verdict(replace(question, left=1)).refusal,
        covered,
        who_pays(replace(question, available=0)),
        who_pays(replace(question, rate=None)),
    )


class Known(Struct, frozen=True):
    """A call whose id there is already; None: anything may be said of that."""

    number: str | None
    seconds: int | None
    or_more: bool = False
    """What nobody paid is in no usage row."""

    def is_same(self, number: str, seconds: int) -> bool:
        if self.number is not None and self.number != number:
            return False
        return self.seconds is None or seconds == self.seconds or (self.or_more and seconds > self.seconds)


def known_call(call: Call) -> Known:
    """What is still running, or ended unreported, may last as long as a file says."""
    seconds = call.talked_seconds
    if seconds is None and call.state in (CallState.REFUSED, CallState.RELEASED):
        seconds = 0
    return Known(call.asked.to if call.asked else None, seconds)


def reported(number: str, seconds: int, payers: frozenset[str]) -> Known:
    return Known(number, seconds, or_more=payers == {Payer.POOL})


def refused_call(org_id: int, call_id: str, asked: Asked, reason: Refusal, rate: Rate | None, cost: int) -> Call:
    """As if it had been recorded: nobody paid, and its whole price is a shortfall."""
    assert asked.started_at is not None
    return Call(
        org_id,
        call_id,
        CallState.SETTLED,
        asked.started_at,
        asked=asked,
        answer=Refused(reason, rate),
        settled=Settled(0, cost),
        talked_seconds=asked.duration_seconds,
        started_at=asked.started_at,
    )
