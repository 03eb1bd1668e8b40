"""When the balance refills itself, and what holds it back. Values in, what to do out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from talktime.core.months import begin_of, month_after, month_of
from talktime.core.time import DAY, MINUTE, instant, moment

HOUR = 60 * MINUTE
RECHARGES_PER_24H = 3
BACK_OFF = (1 * HOUR, 2 * HOUR, 4 * HOUR)
"""After the first, second and third decline in a row; the fourth pauses."""
HARD = frozenset(
    {
        *("lost_card", "stolen_card", "fraudulent", "expired_card", "pickup_card", "restricted_card"),
        *("card_not_supported", "invalid_account", "do_not_try_again", "revocation_of_all_authorizations"),
        *("revocation_of_authorization", "security_violation", "stop_payment_order", "account_closed"),
    }
)
"""The card will never pay again, so it is not asked again. Codes as card networks and Stripe name them."""


class State(StrEnum):
    OFF = "off"
    ON = "on"
    CHARGING = "charging"
    RETRYING = "retrying"
    REQUIRES_ACTION = "requires_action"
    PAUSED = "paused"
    LIMIT_REACHED = "limit_reached"
    VELOCITY_LIMITED = "velocity_limited"


IN_FLIGHT = frozenset({State.CHARGING, State.REQUIRES_ACTION})
BRAKED = frozenset({State.LIMIT_REACHED, State.VELOCITY_LIMITED})


class Setting(Struct, frozen=True, kw_only=True):
    """What was set, and where it stands."""

    enabled: bool = False
    amount: int | None = None
    trigger: int | None = None
    method_id: str | None = None
    """None: the default one."""
    backup_method_id: str | None = None
    monthly_limit: int | None = None
    state: State = State.OFF
    state_detail: str | None = None
    declines: int = 0
    """In a row."""
    next_attempt_at: int | None = None


class Past(Struct, frozen=True):
    """What recharges there were. Instants of settlement, newest first; those of the last 24 hours."""

    settled: tuple[int, ...]
    month_total: int
    """What was added in the calendar month of now."""


class Rules(Struct, frozen=True):
    per_24h: int | None
    """None: no limit."""
    time_zone: str


class Start(Struct, frozen=True):
    """Take the recharge amount."""


class Hold(Struct, frozen=True):
    """Not now; look again at `until`, or when something happens if that is None."""

    state: State
    until: int | None = None


Decision = Start | Hold


def look(setting: Setting, balance: int, pending: bool, past: Past, rules: Rules, now: int) -> Decision:
    """`balance` is the settled one; `pending`: a payment is on its way."""
    if not setting.enabled or setting.amount is None or setting.trigger is None:
        return Hold(State.OFF)
    if setting.state is State.PAUSED or setting.state in IN_FLIGHT:
        return Hold(setting.state)
    if balance >= setting.trigger:
        return Hold(State.ON)
    if setting.next_attempt_at is not None and now < setting.next_attempt_at:
        return Hold(State.RETRYING, setting.next_attempt_at)
    if pending:
        return Hold(setting.state)
    return brake(setting, past, rules, now) or Start()


def brake(setting: Setting, past: Past, rules: Rules, now: int) -> Hold | None:
    """A recharge exactly 24 hours old no longer counts."""
    recent = [at for at in past.settled if at > now - DAY]
    if rules.per_24h is not None and len(recent) >= rules.per_24h:
        until = recent[rules.per_24h - 1] + DAY if rules.per_24h else None
        return Hold(State.VELOCITY_LIMITED, until)
    assert setting.amount is not None
    if setting.monthly_limit is not None and past.month_total + setting.amount > setting.monthly_limit:
        return Hold(State.LIMIT_REACHED, begin_of(month_after(month_of(now, rules.time_zone)), rules.time_zone))
    return None


class Declined(Struct, frozen=True):
    """What a decline leads to."""

    state: State
    declines: int
    next_attempt_at: int | None
    first: bool
    """Of a run: people hear of it."""


def after_decline(declines_before: int, hard: bool, now: int) -> Declined:
    declines = declines_before + 1
    if hard or declines > len(BACK_OFF):
        return Declined(State.PAUSED, declines, None, declines == 1)
    return Declined(State.RETRYING, declines, now + BACK_OFF[declines - 1], declines == 1)


def is_hard(codes: tuple[str | None, ...]) -> bool:
    """Of every card that was asked."""
    return all(code in HARD for code in codes)


def a_year_after(at: int, time_zone: str) -> int:
    """Twelve calendar months, at the same local time; the last day of a shorter month (D-09)."""
    local = moment(at).astimezone(ZoneInfo(time_zone))
    day = 28 if (local.month, local.day) == (2, 29) else local.day
    later = datetime(local.year + 1, local.month, day, local.hour, local.minute, local.second, local.microsecond)
    return instant(later.replace(tzinfo=ZoneInfo(time_zone), fold=local.fold))
