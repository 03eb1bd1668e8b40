"""What is fixed about an organization and its users, as the engine needs it."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.fraud import OPEN, Guard
from talktime.core.lots import Lot
from talktime.core.policies import DEFAULT_POLICY

SLICE_SECONDS = 300
GRACE_SECONDS = 120
MAX_CALL_SECONDS = 3 * 3600


class User(Struct, frozen=True, gc=False):
    """Somebody or something of an organization that calls."""

    user_id: str
    location: str | None = None
    codes: tuple[str, ...] = ()
    """The licences."""
    policy: str | None = None
    """None: the organization's."""
    number: str | None = None
    blocked: bool = False


class Account(Struct, frozen=True, gc=False):
    """An organization as a batch reads it: its rules, its money, its open lots."""

    currency: str
    lots: list[Lot]
    posted: int = 0
    held: int = 0
    debt: int = 0
    last_entry_no: int = 0
    credits_set_up: bool = True
    closed: bool = False
    slice_seconds: int = SLICE_SECONDS
    max_call_seconds: int = MAX_CALL_SECONDS
    grace_seconds: int = GRACE_SECONDS
    time_zone: str = "UTC"
    price_list: str | None = None
    clock_at: int | None = None
    """Where the clock of a test organization stands; None: it runs with ours."""
    country: str = "US"
    policy: str = DEFAULT_POLICY.value
    postpaid: bool = False
    has_frozen: bool = False
    """A dispute keeps some of its lots from being spent."""
    guard: Guard = OPEN
