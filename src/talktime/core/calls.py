"""The words of a call: what a switch may ask, what it is answered, what is kept."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from talktime.core.call_types import CallType
from talktime.core.lots import Parts
from talktime.core.rates import FREE, Rate
from talktime.core.usage import Payer

Key = tuple[int, str]
"""Organization and call id, or organization and a name of a user: every key begins with the organization."""


class Refusal(StrEnum):
    ORGANIZATION_CLOSED = "organization_closed"
    INVALID_NUMBER = "invalid_number"
    USER_BLOCKED = "user_blocked"
    POLICY_RESTRICTED = "policy_restricted"
    NO_LICENCE = "no_licence"
    NUMBER_NOT_SUPPORTED = "number_not_supported"
    FRAUD_LIMIT = "fraud_limit"
    NO_RATE = "no_rate"
    CREDITS_NOT_SET_UP = "credits_not_set_up"
    NO_CREDITS_LICENCE = "no_credits_licence"
    NO_BALANCE = "no_balance"
    ALREADY_ENDED = "already_ended"


class Asked(Struct, frozen=True, array_like=True, gc=False):
    """What makes two requests with the same call id the same request, named as outside."""

    call_type: CallType
    to: str
    user: str | None = None
    from_: str | None = None
    conference_id: str | None = None
    switch: str | None = None
    requested_seconds: int | None = None
    sip_call_id: str | None = None
    source: str | None = None
    at: str | None = None
    started_at: int | None = None
    duration_seconds: int | None = None


def other_field(earlier: Asked, later: Asked) -> str | None:
    """The field in which a repeated request differs, as it is called outside."""
    differing = (name for name in earlier.__struct_fields__ if getattr(earlier, name) != getattr(later, name))
    name = next(differing, None)
    return name.rstrip("_") if name else None


class Concerning(Struct, frozen=True, gc=False):
    """Every command is about one call, at one instant, from somebody."""

    org_id: int
    call_id: str
    at: int
    by: str


class Authorize(Concerning, frozen=True, gc=False):
    asked: Asked
    switch: str | None = None
    """Whose switch it is, with its name: an operator's and an organization's may be called alike."""


class Record(Authorize, frozen=True, gc=False):
    """A finished call that nobody authorized: `asked` says when it began and how long it lasted."""


class Extend(Concerning, frozen=True, gc=False):
    granted_seconds: int


class Answered(Concerning, frozen=True, gc=False):
    answered_at: int | None = None


class Settle(Concerning, frozen=True, gc=False):
    seconds: int
    cause: str | None = None
    started_at: int | None = None
    """When the talking began, if the switch says so."""


class Release(Concerning, frozen=True, gc=False):
    cause: str | None = None


class Lapse(Concerning, frozen=True, gc=False):
    """Its time is over. What was never answered is released, what was answered is charged its grant."""

    lost: bool = False
    """Its switch no longer knows it, so its time is over now."""


class Touch(Concerning, frozen=True, gc=False):
    """Nothing is asked: what has expired of the organization's lots is booked. The call id is empty."""


Command = Authorize | Record | Extend | Answered | Settle | Release | Lapse | Touch


class Granted(Struct, frozen=True, gc=False, array_like=True, tag="granted"):
    seconds: int
    final: bool
    extend_after_seconds: int
    expires_at: int
    held: int
    rate: Rate | None
    """None: nobody pays, or nobody knows what is to be paid after the pool."""
    currency: str = ""
    payer: Payer = Payer.CREDITS
    """Who pays what no pool pays."""
    pool: str = ""
    kind: str = ""
    minutes: int = 0
    """Of its pool, so many."""
    capability: str = ""
    emergency: bool = False


class Refused(Struct, frozen=True, gc=False, array_like=True, tag="refused"):
    reason: Refusal
    rate: Rate | None = None
    limit: str = ""
    """What of the fraud guard was broken."""


class Extended(Struct, frozen=True, gc=False):
    seconds: int
    final: bool
    extend_after_seconds: int = 0
    expires_at: int = 0


class UsageRow(Struct, frozen=True, gc=False, array_like=True):
    """What one payer pays of a call."""

    usage_id: str
    capability: str
    payer: str
    minutes: int
    charge: int


class Funds(Struct, frozen=True, gc=False):
    """An organization's money as it stands after a command."""

    currency: str
    posted: int
    held: int
    available: int


class Settled(Struct, frozen=True, gc=False, array_like=True):
    charge: int = 0
    shortfall: int = 0
    billed_seconds: int = 0
    connection_fee: int = 0
    rows: tuple[UsageRow, ...] = ()
    pool_minutes: int = 0


class Ended(Struct, frozen=True, gc=False):
    """The answer to a settle or a record."""

    settled: Settled
    funds: Funds
    conflict: bool = False
    refused: Refusal | None = None


class Done(Struct, frozen=True, gc=False):
    """It was heard, and there is nothing more to say."""


class Conflicting(Struct, frozen=True, gc=False):
    """The id is known and something else was said with it."""

    field: str


class Unknown(Struct, frozen=True, gc=False):
    """There is no such organization."""


class Failed(Struct, frozen=True, gc=False):
    """This command could not be carried out; it has changed nothing. `busy`: it may go well when it is asked again."""

    busy: bool = False


Answer = Granted | Refused | Extended | Ended | Done | Conflicting | Unknown | Failed


class CallState(StrEnum):
    OPEN = "open"
    REFUSED = "refused"
    RELEASED = "released"
    SETTLED = "settled"
    STALE = "stale"


class Terms(Struct, frozen=True, array_like=True, gc=False):
    """What was fixed with the authorization and is asked again when the call goes on, ends and is reported."""

    payer: Payer = Payer.CREDITS
    """Who pays what no pool pays."""
    capability: str = ""
    """The licence that decided."""
    paid_as: str = ""
    """What the part that no pool pays is reported under."""
    pool: str = ""
    """Its id; empty where there is none."""
    month: str = ""
    second: bool = False
    """Which of the pool's two kinds of minutes."""
    emergency: bool = False
    user_id: str | None = None
    counted: bool = False
    """An outgoing call of somebody who may be blocked for it."""
    location: str = ""
    caller: str = ""
    number_type: str = ""
    context: str = ""
    destination: str = ""


class Call(Struct, frozen=True, array_like=True, gc=False):
    """One row for ever: first the hold, then what became of it. `asked` is missing until an authorize came."""

    org_id: int
    call_id: str
    state: CallState
    opened_at: int
    version: int = 1
    asked: Asked | None = None
    answer: Granted | Refused | None = None
    switch: str | None = None
    seconds: int = 0
    grown_by: int = 0
    final: bool = False
    drawn: Parts = ()
    """What is held, in the order in which it was drawn."""
    answered_at: int | None = None
    heard_at: int = 0
    due_at: int | None = None
    """When the hold dies by itself; only an open call has one."""
    charged: Parts = ()
    settled: Settled | None = None
    talked_seconds: int | None = None
    """What the switch reported; None when nobody did."""
    cause: str | None = None
    terms: Terms | None = None
    minutes: int = 0
    """Of its pool: held while it is open, used when it has ended."""
    over: bool = False
    """It has gone over from its pool to credits, for good."""
    started_at: int | None = None
    """When the talking began, as it is reported."""

    @property
    def known_rate(self) -> Rate | None:
        """Fixed with the answer, whatever the price list says later."""
        return self.answer.rate if self.answer else None

    @property
    def rate(self) -> Rate:
        return self.known_rate or FREE

    @property
    def caller(self) -> str | None:
        """Whose call is cut when he is blocked, and counted."""
        return self.terms.user_id if self.terms and self.terms.counted else None

    @property
    def is_emergency(self) -> bool:
        return self.terms is not None and self.terms.emergency
