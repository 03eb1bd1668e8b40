"""Calling policies: each of the twelve is one of four for meetings and one of three for own calls."""

from __future__ import annotations

from talktime.core.policies import Policy
from talktime.portal.visit import Visit

MEETINGS = ("International", "Domestic", "ZoneA", "Disabled")
CALLS = ("International", "Domestic", "Disabled")
Halves = tuple[str, str]


def halves(policy: str) -> Halves:
    """`DialoutCPCandPSTNDomestic` says the same of both."""
    meetings, _, calls = policy.removeprefix("DialoutCPC").partition("PSTN")
    return (calls if meetings == "and" else meetings), calls


POLICIES = {halves(policy): policy.value for policy in Policy}


def choices_for_meetings(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.say
    words = (_("To any destination"), _("Within the organizer's country"), _("To zone A only"), _("To nowhere"))
    return list(zip(MEETINGS, words, strict=True))


def choices_for_calls(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.say
    words = (_("At home and abroad"), _("At home only"), _("To nowhere"))
    return list(zip(CALLS, words, strict=True))


def policy_sentence(visit: Visit, policy: str) -> str:
    _, (meetings, calls) = visit.say, halves(policy)
    return _(
        "Dial-out from meetings: **{meetings}**. Own calls: **{calls}**.",
        meetings=dict(choices_for_meetings(visit))[meetings],
        calls=dict(choices_for_calls(visit))[calls],
    )


FUNCTIONS = (choices_for_calls, choices_for_meetings, policy_sentence)
"""For templates."""
