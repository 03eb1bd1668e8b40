"""What a usage row says to people: names of countries, hidden digits, nobody where nobody is responsible."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.call_types import CallType
from talktime.core.countries import english_name
from talktime.core.masking import parties
from talktime.core.time import SECOND
from talktime.reports.usage import UsageRow

OF_NO_USER = frozenset({CallType.UCAP_IN, CallType.UCAP_OUT})
"""Calls of attendants and queues are shown without the account that stands for them."""


class UsageLine(Struct, frozen=True, gc=False):
    """The twenty columns of the export in their order, then what else is known."""

    usage_id: str
    call_id: str
    conference_id: str
    user_location: str
    aad_object_id: str
    upn: str
    user_display_name: str
    caller_id: str
    call_type: str
    number_type: str
    domestic_international: str
    destination_dialed: str
    destination_number: str
    started_at: int
    ended_at: int
    duration_seconds: int
    connection_fee: int
    charge: int
    currency: str
    capability: str
    charge_decimals: int
    payer: str
    minutes: int


def usage_line(row: UsageRow, digits: int) -> UsageLine:
    """`digits`: how many of the other party's are hidden."""
    caller, number = parties(row.call_type, row.caller, row.number, digits)
    user_id, upn, name = user_of(row)
    return UsageLine(
        usage_id=row.usage_id,
        call_id=row.call_id,
        conference_id=row.conference_id,
        user_location=row.user_location,
        aad_object_id=user_id,
        upn=upn,
        user_display_name=name,
        caller_id=caller,
        call_type=row.call_type,
        number_type=row.number_type,
        domestic_international=row.context.capitalize(),
        destination_dialed=english_name(row.destination),
        destination_number=number,
        started_at=row.started_at,
        ended_at=row.started_at + row.seconds * SECOND,
        duration_seconds=row.seconds,
        connection_fee=row.connection_fee,
        charge=row.charge,
        currency=row.currency,
        capability=row.capability,
        charge_decimals=row.charge_decimals,
        payer=row.payer,
        minutes=row.minutes,
    )


def user_of(row: UsageRow) -> tuple[str, str, str]:
    """Id, sign-in name and name."""
    if row.call_type in OF_NO_USER:
        return "", "", ""
    return row.user_id or "", row.sign_in_name or "", row.user_name or ""
