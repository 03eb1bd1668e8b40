"""What a call to a number costs whom: the rules asked for each usual licence, with plenty of money and minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from talktime.core.call_types import OF_SERVICE_NUMBERS, CallType
from talktime.core.calls import Asked, Refusal
from talktime.core.cases import Case, case_of
from talktime.core.checks import Question, verdict
from talktime.core.knowledge import Knowledge
from talktime.core.money import AMOUNT_MAX
from talktime.core.organizations import Account, User
from talktime.core.price_lookup import Asked as Priced
from talktime.core.price_lookup import Nothing, Terms, examples, look_up
from talktime.core.rates import Rate
from talktime.core.usage import Payer

CREDITS, PHONE = "MCOPSTNPP", "MCOEV"
PLENTY = 1_000
"""Minutes of a pool."""


class Way(NamedTuple):
    """A way to call, with the licence that decides about it."""

    call_type: CallType
    licence: str


OUTGOING = (
    Way(CallType.USER_OUT, "MCOPSTN_PAYG_1"),
    Way(CallType.USER_OUT, "MCOPSTN1"),
    Way(CallType.USER_OUT, "MCOPSTN2"),
    Way(CallType.CONF_OUT, "MCOMEETADD"),
    Way(CallType.CONF_OUT, "MCOMEETACPEA"),
    Way(CallType.UCAP_OUT, "MCOPSTN_PAYG_1"),
)
INCOMING = (
    Way(CallType.CONF_IN, "MCOMEETADD"),
    Way(CallType.CONF_IN, "MCOMEETACPEA"),
    Way(CallType.UCAP_IN, ""),
)


class Example(NamedTuple):
    way: Way
    refusal: Refusal | None
    pool: bool
    """Minutes of a pool pay first."""
    payer: Payer | None
    """Of what no pool pays."""
    rate: Rate | None
    charges: Sequence[tuple[int, int]]
    """Minutes, and what they cost where no pool pays."""
    without_credits: Refusal | None
    """Why it would not go on where credits have to pay and their licence is not held."""

    @property
    def needs_credits_licence(self) -> bool:
        return self.without_credits is Refusal.NO_CREDITS_LICENCE


class Place(NamedTuple):
    """Who asks: the organization, where the caller lives, and what is in force."""

    account: Account
    home: str
    knowledge: Knowledge
    terms: Terms
    at: int


def worked(place: Place, number: str, ways: Sequence[Way], toll_free: bool) -> list[Example]:
    return [_example(place, number, way, toll_free) for way in ways]


def _example(place: Place, number: str, way: Way, toll_free: bool) -> Example:
    asked = Asked(way.call_type, number)
    rate = _rate(place, asked, toll_free)
    case, question = _asked(place, asked, way, rate, toll_free, (way.licence, PHONE, CREDITS))
    told = verdict(question)
    _, bare = _asked(place, asked, way, rate, toll_free, (way.licence, PHONE))
    dry = verdict(replace(bare, left=None))
    charges = examples(rate) if rate and told.payer in (Payer.CREDITS, Payer.POSTPAID) else ()
    return Example(way, told.refusal, case.pool is not None, told.payer, rate, charges, dry.refusal)


def _asked(
    place: Place, asked: Asked, way: Way, rate: Rate | None, toll_free: bool, codes: tuple[str, ...]
) -> tuple[Case, Question]:
    user = User("", place.home, tuple(code for code in codes if code)) if way.licence else None
    case = case_of(asked, place.account, user, place.knowledge, toll_free)
    left = PLENTY if case.pool else None
    return case, Question(asked, place.account, user, case, rate, AMOUNT_MAX, place.at, left)


def _rate(place: Place, asked: Asked, toll_free: bool) -> Rate | None:
    known = place.knowledge.numbers.of(asked.to)
    ours = toll_free and asked.call_type in OF_SERVICE_NUMBERS
    found = look_up(place.terms, Priced(asked.call_type, asked.to, known, ours), place.at)
    return None if isinstance(found, Nothing) else found
