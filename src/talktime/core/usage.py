"""What is reported of a call: a row for each who paid a part of it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

CREDITS_CAPABILITY = "MCOPSTNPP"
"""What credits pay is reported under, but for meetings that are paid per minute (D-36)."""
FREECALL = "FREECALL"
"""What could not be priced for technical reasons, and is given away."""


class Payer(StrEnum):
    POOL = "pool"
    CREDITS = "credits"
    POSTPAID = "postpaid"
    NONE = "none"


class NumberType(StrEnum):
    """Whose number of ours the call went over."""

    SUBSCRIBER = "Subscriber"
    SERVICE = "Service"
    TOLL_FREE = "Service (toll-free)"


class Context(StrEnum):
    """Where an outgoing call went, seen from the user's usage location."""

    DOMESTIC = "domestic"
    INTERNATIONAL = "international"
    UNKNOWN = ""


class Usage(Struct, frozen=True, gc=False, array_like=True):
    """In the order of the columns of the table. `usage_id` begins with `started_at`."""

    org_id: int
    usage_id: str
    call_id: str
    part: int
    """0, or 1 for what is paid after a pool."""
    call_type: str
    user_id: str | None
    user_location: str
    """Empty: nobody is responsible."""
    caller: str
    number: str
    """What was dialled; on an inbound call ours."""
    number_type: str
    context: str
    destination: str
    """The country of `number`, or the calling code of a number of no country; empty when it is not known."""
    conference_id: str
    started_at: int
    seconds: int
    minutes: int
    connection_fee: int
    charge: int
    charge_decimals: int
    currency: str
    capability: str
    payer: str
    entry_key: str
    """The entry that moved the money; empty when none did."""
