"""A call as it stands in a list: who, from where to where, with names, and with the digits hidden as the law wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from talktime.core.call_types import INBOUND
from talktime.core.calls import Call, Granted, Refused
from talktime.core.masking import digits_hidden, parties
from talktime.core.phone import country_of, is_usable
from talktime.core.usage import Payer
from talktime.portal.visit import Visit
from talktime.reports import people
from talktime.reports.people import Named


class Line(NamedTuple):
    call: Call
    who: str
    user_id: str
    caller: str
    called: str
    destination: str
    """The country of the other party, or its calling code; empty where it is not known."""
    payers: tuple[str, ...]
    reason: str

    @property
    def is_inbound(self) -> bool:
        return self.call.asked is not None and self.call.asked.call_type in INBOUND

    @property
    def kind(self) -> str:
        return self.call.asked.call_type.value if self.call.asked else ""


def lines_of(visit: Visit, calls: Sequence[Call]) -> list[Line]:
    names = {name for call in calls for name in _names_of(call)}
    known = visit.read(people.by_names, visit.org_id, sorted(names))
    digits = digits_hidden(visit.organization.country)
    return [_line(call, known, digits) for call in calls]


def _names_of(call: Call) -> list[str]:
    """As the call was decided, and as it was asked for."""
    told = (call.terms.user_id if call.terms else None, call.asked.user if call.asked else None)
    return [name for name in told if name]


def _line(call: Call, known: Mapping[str, Named], digits: int) -> Line:
    names = _names_of(call)
    user = next((known[name] for name in names if name in known), None)
    caller, called = shown_parties(call, digits)
    return Line(
        call=call,
        who=user.name if user else (names[-1] if names else ""),
        user_id=user.user_id if user else "",
        caller=caller,
        called=called,
        destination=destination_of(call),
        payers=payers_of(call),
        reason=call.answer.reason.value if isinstance(call.answer, Refused) else "",
    )


def shown_parties(call: Call, digits: int) -> tuple[str, str]:
    if call.asked is None:
        return "", ""
    caller = call.asked.from_ or (call.terms.caller if call.terms else "")
    return parties(call.asked.call_type.value, caller, call.asked.to, digits)


def destination_of(call: Call) -> str:
    """Of an incoming call where it comes from."""
    asked = call.asked
    if asked is None:
        return ""
    number = (asked.from_ or "") if asked.call_type in INBOUND else asked.to
    if asked.call_type not in INBOUND and call.terms and call.terms.destination:
        return call.terms.destination
    return country_of(number) or "" if is_usable(number) else ""


def payers_of(call: Call) -> tuple[str, ...]:
    """Of a call in progress whoever pays now comes last."""
    if call.settled is not None:
        return tuple(dict.fromkeys(row.payer for row in call.settled.rows))
    if not isinstance(call.answer, Granted) or call.terms is None:
        return ()
    after = call.terms.payer.value
    if not call.terms.pool or not call.minutes:
        return (after,)
    return (Payer.POOL.value, after) if call.over else (Payer.POOL.value,)
