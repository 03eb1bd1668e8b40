"""What does a call from X to Y cost? Worked for each usual licence, by the very rules that decide about calls."""

from __future__ import annotations

from typing import Any, NamedTuple

from talktime.actions import knowledge
from talktime.core.call_types import CallType
from talktime.core.numbers import Number, NumberKind
from talktime.core.organizations import Account
from talktime.core.phone import is_usable
from talktime.core.price_lookup import EXAMPLE_MINUTES, Terms, is_toll_free
from talktime.core.usage import Payer
from talktime.core.worked_examples import INCOMING, OUTGOING, Example, Place, Way, worked
from talktime.core.zones import is_zone_a
from talktime.portal.visit import Visit
from talktime.reports import rates
from talktime.reports.rates import InForce
from talktime.web.problems import invalid
from talktime.web.sentences import sentence


class Looked(NamedTuple):
    number: str
    known: Number
    zone_a: bool
    is_ours: bool
    examples: list[Example]
    minutes: tuple[int, ...] = EXAMPLE_MINUTES

    @property
    def all_need_licence(self) -> bool:
        """Whoever has credits pay for it."""
        paid = [one for one in self.examples if one.payer is Payer.CREDITS]
        return bool(paid) and all(one.needs_credits_licence for one in paid)


def looked_up(visit: Visit, text: str, home: str, current: InForce | None) -> Looked:
    """A Problem beside the field where the number is none."""
    number = _number(text)
    learned = visit.read(knowledge.known)
    known = learned.numbers.of(number)
    kind = visit.read(rates.service_number_type, visit.org_id, number)
    rows, decimals = (current.rows, current.charge_decimals) if current else ([], 0)
    place = Place(_account(visit), home, learned, Terms(rows, decimals, visit.zone), visit.today)
    ways = INCOMING if kind else OUTGOING
    examples = worked(place, number, ways, is_toll_free(known, kind))
    return Looked(number, known, is_zone_a(known.country), kind is not None, examples)


def _number(text: str) -> str:
    """As people write it."""
    digits = "".join(letter for letter in text if letter.isascii() and letter.isdigit())
    number = f"+{digits}"
    if not text.strip().startswith("+") or not is_usable(number):
        raise invalid("to", sentence("invalid_number"), "invalid_number")
    return number


def _account(visit: Visit) -> Account:
    """Only what the rules ask besides money."""
    org = visit.organization
    postpaid = org.billing_account == "postpaid"
    return Account(org.currency, [], country=org.country, policy=org.policy, postpaid=postpaid, time_zone=visit.zone)


def way_name(visit: Visit, way: Way) -> str:
    _ = visit.say
    names = {
        (CallType.USER_OUT, "MCOPSTN_PAYG_1"): _("A user with Pay-As-You-Go"),
        (CallType.USER_OUT, "MCOPSTN1"): _("A user with the Domestic Calling Plan"),
        (CallType.USER_OUT, "MCOPSTN2"): _("A user with the Domestic and International Calling Plan"),
        (CallType.CONF_OUT, "MCOMEETADD"): _("A meeting with Audio Conferencing"),
        (CallType.CONF_OUT, "MCOMEETACPEA"): _("A meeting with Audio Conferencing, pay per minute"),
        (CallType.UCAP_OUT, "MCOPSTN_PAYG_1"): _("An attendant or queue with Pay-As-You-Go"),
        (CallType.CONF_IN, "MCOMEETADD"): _("Into a meeting with Audio Conferencing"),
        (CallType.CONF_IN, "MCOMEETACPEA"): _("Into a meeting with Audio Conferencing, pay per minute"),
        (CallType.UCAP_IN, ""): _("To an attendant or queue"),
    }
    return names[way.call_type, way.licence]


def example_text(visit: Visit, example: Example) -> str:
    """Who pays, in a sentence."""
    _ = visit.say
    if example.pool and example.payer is None:
        return _("The pool pays while it has minutes; then the call ends, as nobody else can pay.")
    if example.pool:
        return _("The pool pays while it has minutes, then credits.")
    if example.payer is Payer.NONE:
        return _("Nobody has to pay.")
    if example.payer is Payer.POSTPAID:
        return _("Paid by invoice.")
    return _("Credits pay.")


def number_kind_name(visit: Visit, kind: NumberKind) -> str:
    _ = visit.say
    names = {
        NumberKind.ORDINARY: _("Ordinary number"),
        NumberKind.TOLL_FREE: _("Toll-free number"),
        NumberKind.PREMIUM: _("Premium number"),
        NumberKind.SHARED_COST: _("Shared-cost number"),
        NumberKind.NO_COUNTRY: _("Satellite or international network"),
        NumberKind.EMERGENCY: _("Emergency number"),
        NumberKind.SHORT: _("Short number"),
    }
    return names[kind]


def price_kind_name(visit: Visit, kind: str) -> str:
    _ = visit.say
    names: dict[str, Any] = {
        "outbound": _("Outgoing calls"),
        "conference": _("Meetings"),
        "toll_free": _("Our toll-free numbers"),
    }
    return str(names.get(kind, kind))
