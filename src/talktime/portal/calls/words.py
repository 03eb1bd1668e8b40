"""Words for calls: kinds, states, payers, checks and their outcomes."""

from __future__ import annotations

from talktime.core.calls import CallState
from talktime.core.countries import english_name, is_country
from talktime.portal import shown
from talktime.portal.visit import Visit

TONES = {
    CallState.OPEN: "live",
    CallState.REFUSED: "danger",
    CallState.SETTLED: "ok",
    CallState.STALE: "live",
}


def call_type_name(visit: Visit, call_type: str | None) -> str:
    _ = visit.say
    names = {
        "user_in": _("Incoming call"),
        "user_out": _("Outgoing call"),
        "user_out_conf": _("Added to a call"),
        "user_out_transfer": _("Transfer"),
        "user_out_forwarding": _("Forwarding"),
        "conf_in": _("Meeting, dial-in"),
        "conf_out": _("Meeting, dial-out"),
        "ucap_in": _("Attendant or queue, incoming"),
        "ucap_out": _("Attendant or queue, outgoing"),
        "unassigned_in": _("Incoming, number of nobody"),
        **_over_own_carriers(visit),
    }
    return names.get(call_type or "", call_type or "")


def _over_own_carriers(visit: Visit) -> dict[str, str]:
    _ = visit.say
    return {
        "dr_in": _("Own carrier, incoming"),
        "dr_out": _("Own carrier, outgoing"),
        "dr_out_user_conf": _("Own carrier, added to a call"),
        "dr_out_user_transfer": _("Own carrier, transfer"),
        "dr_out_user_forwarding": _("Own carrier, forwarding"),
        "dr_emergency_out": _("Own carrier, emergency call"),
        "dr_unassigned_in": _("Own carrier, number of nobody"),
        "dr_in_bot": _("Own carrier, attendant or queue, incoming"),
        "dr_out_bot": _("Own carrier, attendant or queue, outgoing"),
        "dr_in_ucap": _("Own carrier, attendant or queue, incoming"),
        "dr_out_ucap": _("Own carrier, attendant or queue, outgoing"),
    }


def call_state_name(visit: Visit, state: str) -> str:
    _ = visit.say
    names = {
        "open": _("In progress"),
        "refused": _("Refused"),
        "released": _("Not answered"),
        "settled": _("Settled"),
        "stale": _("End not reported"),
    }
    return names.get(state, state)


def call_state_tone(state: str) -> str:
    return TONES.get(CallState(state), "")


def payer_name(visit: Visit, payer: str) -> str:
    _ = visit.say
    names = {
        "pool": _("Pool"),
        "credits": _("Credits"),
        "postpaid": _("Invoice"),
        "none": _("Nobody"),
    }
    return names.get(payer, payer)


def payer_tone(payer: str) -> str:
    return "info" if payer == "credits" else ""


def destination_name(visit: Visit, destination: str) -> str:
    """A country in the reader's language; what is no country is known by its calling code."""
    if is_country(destination):
        told = shown.country(destination, visit.language)
        return told if told != destination else english_name(destination)
    return destination or visit.say("Unknown destination")


def check_name(visit: Visit, check: str) -> str:
    _ = visit.say
    names = {
        "is_emergency": _("Emergency number?"),
        "is_open_for_calls": _("Organization is open"),
        "is_usable_number": _("Number can be dialled"),
        "is_not_blocked": _("Caller is not blocked"),
        "policy_allows": _("Calling policy allows it"),
        "has_licence": _("Service licence is held"),
        "is_supported_number": _("Kind of number is supported"),
        "is_within_fraud_limits": _("Fraud guard allows it"),
        "pool_pays": _("A pool has minutes left"),
        "nobody_has_to_pay": _("Nobody has to pay"),
        "has_price": _("A published rate exists"),
        "has_credits": _("Credits are set up"),
        "has_credits_licence": _("Credits licence is held"),
        "is_covered": _("Available funds cover the first minute"),
        "has_not_ended": _("The call has not ended before"),
    }
    return names.get(check, check)


def refusal_name(visit: Visit, reason: str) -> str:
    """Short, for lists and choices."""
    _ = visit.say
    names = {
        "organization_closed": _("Organization is closed"),
        "invalid_number": _("Number cannot be dialled"),
        "user_blocked": _("User is blocked"),
        "policy_restricted": _("Calling policy forbids it"),
        "no_licence": _("No licence"),
        "number_not_supported": _("Kind of number not supported"),
        "fraud_limit": _("Fraud guard"),
        "no_rate": _("No published rate"),
        "credits_not_set_up": _("Credits not set up"),
        "no_credits_licence": _("No credits licence"),
        "no_balance": _("Not enough funds"),
        "already_ended": _("Ended before it was asked for"),
    }
    return names.get(reason, reason)


FUNCTIONS = (
    call_state_name,
    call_state_tone,
    call_type_name,
    check_name,
    destination_name,
    payer_name,
    payer_tone,
    refusal_name,
)
"""What templates may call."""
