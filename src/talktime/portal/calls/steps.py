"""The checks of a call in their order, with what each saw and how it came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from talktime.core.calls import Granted
from talktime.core.phone_text import spaced
from talktime.portal import shown
from talktime.portal.calls.lines import Line
from talktime.portal.calls.words import destination_name, refusal_name
from talktime.portal.visit import Visit

ORDER = (
    *("is_emergency", "is_open_for_calls", "is_usable_number", "is_not_blocked", "policy_allows", "has_licence"),
    *("is_supported_number", "is_within_fraud_limits", "pool_pays", "nobody_has_to_pay", "has_price", "has_credits"),
    *("has_credits_licence", "is_covered"),
)
KNOWN = ("passed", "no", "pays", "free", "postpaid")
FAILED, SKIPPED = "failed", "skipped"


class Step(NamedTuple):
    check: str
    seen: str
    outcome: str


def steps_of(visit: Visit, line: Line, told: Sequence[Mapping[str, str]]) -> list[Step]:
    """Also those that were not reached any more."""
    seen = _seen(visit, line)
    steps = [_step(visit, one["check"], one["outcome"], seen) for one in told]
    if not steps or steps[-1].check not in ORDER:
        return steps
    return steps + [Step(check, "", SKIPPED) for check in ORDER[ORDER.index(steps[-1].check) + 1 :]]


def _step(visit: Visit, check: str, outcome: str, seen: Mapping[str, str]) -> Step:
    if outcome in KNOWN:
        return Step(check, seen.get(check, ""), outcome)
    return Step(check, refusal_name(visit, outcome), FAILED)


def _seen(visit: Visit, line: Line) -> dict[str, str]:
    found = {
        "is_emergency": destination_name(visit, line.destination) if line.destination else "",
        "is_usable_number": spaced(line.called),
        "is_not_blocked": line.who,
        "has_credits_licence": line.who,
        "has_licence": line.call.terms.capability if line.call.terms else "",
        "pool_pays": _pool(visit, line),
        "has_price": _price(visit, line),
    }
    return {check: text for check, text in found.items() if text}


def _pool(visit: Visit, line: Line) -> str:
    answer = line.call.answer
    if not isinstance(answer, Granted) or not answer.pool:
        return ""
    if not answer.minutes:
        return answer.pool
    return visit.say.plural("{count} minute at first", "{count} minutes at first", answer.minutes)


def _price(visit: Visit, line: Line) -> str:
    rate = line.call.known_rate
    if rate is None:
        return ""
    amount = shown.precise(rate.per_minute, visit.currency, visit.language)
    return visit.say("{amount} a minute, prefix {prefix}", amount=amount, prefix=rate.prefix)
