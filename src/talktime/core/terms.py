"""What is fixed with an authorization: who pays, from which pool, and what will be reported."""

from __future__ import annotations

from msgspec.structs import replace

from talktime.core.calls import Terms
from talktime.core.cases import Case, number_type
from talktime.core.checks import Question
from talktime.core.licence_terms import Ability
from talktime.core.pool_book import PoolKey
from talktime.core.usage import CREDITS_CAPABILITY, Payer


def terms_of(question: Question, payer: Payer | None, pool: PoolKey | None) -> Terms:
    case, user, asked = question.case, question.user, question.asked
    return Terms(
        payer=payer or Payer.CREDITS,
        capability=case.licence.code if case.licence else "",
        paid_as=paid_as(case, payer),
        pool=pool[1] if pool else "",
        month=pool[2] if pool else "",
        second=bool(case.pool and case.pool.is_second),
        emergency=case.emergency,
        user_id=user.user_id if user else None,
        counted=user is not None and case.outgoing and not case.own_carrier and not case.emergency,
        location=(user.location or "") if user else "",
        caller=asked.from_ or (user.number if user and case.outgoing else None) or "",
        number_type=number_type(asked, case).value,
        context=case.context.value,
        destination=case.number.destination if case.number and not case.emergency else "",
    )


def terms_after(terms: Terms, payer: Payer | None) -> Terms:
    """It has gone over from its pool."""
    return replace(terms, payer=payer or Payer.CREDITS)


def paid_as(case: Case, payer: Payer | None) -> str:
    """Under which capability it is reported what no pool pays."""
    licence = case.licence
    if payer is Payer.NONE:
        return licence.code if licence else ""
    if licence is not None and licence.ability is Ability.CONFERENCING_PER_MINUTE:
        return licence.code
    return CREDITS_CAPABILITY
