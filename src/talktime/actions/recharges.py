"""Auto-recharge: set by people, looked at when the balance falls, moved on by how its payments end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import audit, tender
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, StateConflict
from talktime.actions.organizations import CLOSED, limits_of, locked
from talktime.actions.tender import Terms
from talktime.core import recharges
from talktime.core.ids import timed_id
from talktime.core.money import decimal
from talktime.core.months import begin_of, month_of
from talktime.core.recharges import (
    BACK_OFF,
    BRAKED,
    IN_FLIGHT,
    RECHARGES_PER_24H,
    Decision,
    Hold,
    Rules,
    Setting,
    Start,
    State,
)
from talktime.core.time import DAY
from talktime.core.watch import wakes_below
from talktime.storage import alert_store, method_store, notice_store, org_store, payment_store, recharge_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.notice_rows import notice
from talktime.storage.org_store import Organization
from talktime.storage.payment_store import PENDING, RECHARGE, Payment

BY = "auto_recharge"
AMOUNTS = ("amount", "trigger", "monthly_limit")
FIELDS = {"amount": "recharge_amount", "method_id": "payment_method", "backup_method_id": "backup_payment_method"}
"""As people name them, where that is another name."""
WAITING = BRAKED | {State.RETRYING}
"""What goes on by itself at some instant, so that somebody must look again, also of what is closed meanwhile."""

CONSENT = (
    "When the balance falls below {trigger} {currency}, {amount} {currency} is charged to the payment method, "
    "{limit}. It can be turned off at any time."
)
CONSENT_VERSION = "1"


class Asker(Struct, frozen=True):
    """From where somebody asks, and whether he knows that it charges at once."""

    address: str
    knows: bool


class Consent(Struct, frozen=True):
    """To what somebody agreed when he set it."""

    text: str
    version: str
    person: str
    address: str
    at: int


def save(tx: Tx, org_id: int, values: Mapping[str, Any], terms: Terms, asker: Asker, actor: Actor) -> None:
    """`values` holds what is to be another. Where that would charge at once, somebody must have said that he knows."""
    org, old = locked(tx, org_id), recharge_store.find(tx, org_id)
    new = _switched(old, replace(old, **values), payment_store.in_flight(tx, org_id))
    if new.enabled:
        _check(tx, org, new, terms, was_on=old.enabled)
    else:
        _check_names(tx, org_id, values)
    now = org.now(actor.now)
    charges = isinstance(_decide(tx, org, new, now), Start)
    if charges and not asker.knows:
        raise StateConflict("would_charge_now", None, amount=decimal(new.amount or 0), currency=org.currency)

    agreed = {"consent": _consent(org, new, asker, actor)} if new.enabled and told(new) != told(old) else {}
    recharge_store.save(tx, org_id, new, now if new.enabled else None, **agreed)
    wake(tx, org_id)
    _note(tx, org_id, old, new, actor, now)
    look(tx, org_id, actor.now)


def _consent(org: Organization, new: Setting, asker: Asker, actor: Actor) -> str:
    amounts = {"trigger": _decimal(new.trigger), "amount": _decimal(new.amount), "currency": org.currency}
    limit = "without a limit" if new.monthly_limit is None else f"at most {decimal(new.monthly_limit)} a calendar month"
    text = CONSENT.format(**amounts, limit=limit)
    return msgspec.json.encode(Consent(text, CONSENT_VERSION, actor.by, asker.address, actor.now)).decode()


def _switched(old: Setting, new: Setting, flying: Payment | None) -> Setting:
    """Off ends a pause and a run of declines; what is on its way goes on."""
    if not new.enabled:
        return replace(new, state=State.OFF, state_detail=None, declines=0, next_attempt_at=None)
    return new if old.enabled else replace(new, state=_state_with(flying))


def _state_with(flying: Payment | None) -> State:
    """Of what is on, with what is on its way."""
    if flying is None:
        return State.ON
    return State.CHARGING if flying.state == PENDING else State.REQUIRES_ACTION


def _check_names(tx: ReadTx, org_id: int, values: Mapping[str, Any]) -> None:
    for name in ("method_id", "backup_method_id"):
        if values.get(name) is not None:
            tender.usable(tx, org_id, values[name], FIELDS[name])


def _check(tx: ReadTx, org: Organization, new: Setting, terms: Terms, was_on: bool) -> None:
    if not was_on:
        tender.may_fund(org)
        tender.provider_for(org, terms)
    for name in ("amount", "trigger"):
        amount = getattr(new, name)
        if amount is None:
            raise Invalid("missing_field", FIELDS.get(name, name))
        tender.check_amount(org, terms, FIELDS.get(name, name), amount)
    assert new.amount is not None and new.trigger is not None
    if new.trigger > new.amount:
        raise Invalid("above_recharge_amount", "trigger")
    if new.monthly_limit is not None and new.monthly_limit < new.amount:
        raise Invalid("below_recharge_amount", "monthly_limit")
    first = tender.usable(tx, org.org_id, new.method_id, "payment_method")
    if new.backup_method_id is not None:
        second = tender.usable(tx, org.org_id, new.backup_method_id, "backup_payment_method")
        if second.method_id == first.method_id:
            raise Invalid("same_payment_method", "backup_payment_method")


def _note(tx: Tx, org_id: int, old: Setting, new: Setting, actor: Actor, now: int) -> None:
    if told(new) == told(old):
        return
    audit.note(tx, org_id, actor, "recharge_settings.changed", "recharge_settings", told(old), told(new))
    once = f"{actor.now}:{actor.by}"
    notice_store.add(tx, org_id, [notice(org_id, "settings_changed", once, now, what="recharge_settings", by=actor.by)])


def told(setting: Setting) -> dict[str, Any]:
    """What people have set, without where it stands."""
    amounts = {FIELDS.get(name, name): _decimal(getattr(setting, name)) for name in AMOUNTS}
    methods = {FIELDS[name]: getattr(setting, name) for name in ("method_id", "backup_method_id")}
    return {"enabled": setting.enabled} | amounts | methods


def _decimal(amount: int | None) -> str | None:
    return None if amount is None else decimal(amount)


def wake(tx: Tx, org_id: int) -> None:
    """Below which balance whoever moves it has to look further."""
    setting = recharge_store.find(tx, org_id)
    trigger = setting.trigger if setting.enabled else None
    alert_store.wake_below(tx, org_id, wakes_below(trigger, alert_store.find(tx, org_id).balance_low))


def retry(tx: Tx, org_id: int, actor: Actor) -> None:
    """After a pause, or without waiting for the next attempt. Where nothing waits for it, it changes nothing."""
    org, old = locked(tx, org_id), recharge_store.find(tx, org_id)
    if old.state not in (State.PAUSED, State.RETRYING):
        return
    now = org.now(actor.now)
    state = _state_with(payment_store.in_flight(tx, org_id))
    new = replace(old, state=state, state_detail=None, declines=0, next_attempt_at=None)
    recharge_store.save(tx, org_id, new, now)
    audit.note(tx, org_id, actor, "recharge.retried", "recharge_settings", {"state": old.state}, {"state": new.state})
    look(tx, org_id, actor.now)


def take_instead(tx: Tx, org_id: int, new: Setting, actor: Actor) -> None:
    """Another card, and nothing else."""
    org, old = locked(tx, org_id), recharge_store.find(tx, org_id)
    recharge_store.save(tx, org_id, new, new.next_attempt_at)
    _note(tx, org_id, old, new, actor, org.now(actor.now))


def look(tx: Tx, org_id: int, real: int) -> None:
    """Is it time? Under the lock of the account. `real` by the machine's clock."""
    org, setting = locked(tx, org_id), recharge_store.find(tx, org_id)
    now = org.now(real)
    decision = _decide(tx, org, setting, now)
    if isinstance(decision, Start):
        _start(tx, org, setting, real)
    else:
        _hold(tx, org, setting, decision, now)


def _decide(tx: ReadTx, org: Organization, setting: Setting, now: int) -> Decision:
    if org.state == CLOSED:
        return Hold(setting.state, now + DAY if setting.state in WAITING else None)
    account = org_store.account(tx, org.org_id)
    # What has ended is not there, whether it was booked or not.
    posted = account.posted - sum([lot.posted - lot.held for lot in account.lots if lot.expires_at <= now])
    month = begin_of(month_of(now, org.time_zone), org.time_zone)
    past = payment_store.past_recharges(tx, org.org_id, now, month)
    flying = payment_store.in_flight(tx, org.org_id) is not None
    pending = flying or payment_store.has_pending(tx, org.org_id)
    return recharges.look(setting, posted, pending, past, _rules(org), now)


def _rules(org: Organization) -> Rules:
    per_24h = limits_of(org).recharges_per_24h
    return Rules(RECHARGES_PER_24H if per_24h is msgspec.UNSET else per_24h, org.time_zone)


def _hold(tx: Tx, org: Organization, setting: Setting, hold: Hold, now: int) -> None:
    held = replace(setting, state=hold.state)
    if hold.state is State.ON:
        # What was missing has come: a new fall begins a new run.
        held = replace(held, declines=0, next_attempt_at=None, state_detail=None)
    recharge_store.save(tx, org.org_id, held, hold.until)
    if hold.state in BRAKED and setting.state is not hold.state:
        until = "" if hold.until is None else str(hold.until)
        details = {"brake": hold.state.value, "until": until, **_amount(setting.amount or 0, org)}
        _tell(tx, org.org_id, "recharge_limit_reached", f"{hold.state}:{_moment(tx, org, now)}", now, details)


def _start(tx: Tx, org: Organization, setting: Setting, real: int) -> None:
    """The payment is written; whoever has time asks for the money."""
    now = org.now(real)
    method = method_of(tx, org.org_id, setting)
    if method is None or setting.amount is None:
        _pause(tx, org, setting, "no_payment_method", now)
        return
    # By its place among all, so that no two have one name, and a decision that is repeated repeats it.
    before = payment_store.count(tx, org.org_id)
    payment = Payment(
        org_id=org.org_id,
        payment_id=f"pay_{timed_id(now, real, f'{BY}:{org.org_id}:{before}')}",
        kind=RECHARGE,
        state=PENDING,
        amount_micros=setting.amount,
        currency=org.currency,
        provider=method.provider,
        method_id=method.method_id,
        backup_method_id=None if setting.backup_method_id == method.method_id else setting.backup_method_id,
        asked_by=BY,
        created_at=now,
        due_at=now,
    )
    payment_store.add(tx, payment)
    recharge_store.save(tx, org.org_id, replace(setting, state=State.CHARGING, next_attempt_at=None), None)


def method_of(tx: ReadTx, org_id: int, setting: Setting) -> method_store.Method | None:
    """The card that is charged first."""
    if setting.method_id is None:
        return method_store.default(tx, org_id)
    named = method_store.find(tx, org_id, setting.method_id)
    return named if named and named.state == method_store.ACTIVE else None


# ---------------------------------------------------------------- how a payment ended


def succeeded(tx: Tx, org: Organization, payment: Payment, now: int) -> None:
    setting = recharge_store.find(tx, org.org_id)
    if payment.kind == RECHARGE and setting.state is not State.PAUSED:
        state = _state_with(payment_store.in_flight(tx, org.org_id)) if setting.enabled else State.OFF
        setting = replace(setting, state=state, state_detail=None, declines=0, next_attempt_at=None)
    _look_again(tx, org, setting, now)


def declined(tx: Tx, org: Organization, payment: Payment, codes: tuple[str | None, ...], now: int) -> None:
    """`codes`: of every card that was asked."""
    setting = recharge_store.find(tx, org.org_id)
    if payment.kind != RECHARGE or not setting.enabled or setting.state is State.PAUSED:
        _look_again(tx, org, setting, now)
        return
    after = recharges.after_decline(setting.declines, recharges.is_hard(codes), now)
    details = {"code": codes[-1] or "", "card": card_of(tx, payment), **_amount(payment.amount_micros, org)}
    if after.first:
        next_at = "" if after.next_attempt_at is None else str(after.next_attempt_at)
        _tell(tx, org.org_id, "recharge_failed", payment.payment_id, now, details | {"next_attempt_at": next_at})
    if after.state is State.PAUSED:
        _tell(tx, org.org_id, "recharge_paused", payment.payment_id, now, details)
    moved = replace(
        setting,
        state=after.state,
        state_detail=codes[-1],
        declines=after.declines,
        next_attempt_at=after.next_attempt_at,
    )
    recharge_store.save(tx, org.org_id, moved, after.next_attempt_at)


def unanswered(tx: Tx, org: Organization, payment: Payment, now: int) -> None:
    """It was given up, and no card has declined: it is tried again, and counts for nothing."""
    setting = recharge_store.find(tx, org.org_id)
    if payment.kind != RECHARGE or not setting.enabled or setting.state is State.PAUSED:
        _look_again(tx, org, setting, now)
        return
    at = now + BACK_OFF[0]
    waiting = replace(setting, state=State.RETRYING, state_detail=payment.failure_code, next_attempt_at=at)
    recharge_store.save(tx, org.org_id, waiting, at)


def requires_action(tx: Tx, org: Organization, payment: Payment, now: int) -> None:
    """The card holder is asked once; nobody retries meanwhile."""
    setting = recharge_store.find(tx, org.org_id)
    if payment.kind != RECHARGE:
        _look_again(tx, org, setting, now)
        return
    if setting.enabled and setting.state is not State.PAUSED:
        waiting = replace(setting, state=State.REQUIRES_ACTION, state_detail="authentication_required")
        recharge_store.save(tx, org.org_id, waiting, None)
    details = {"payment": payment.payment_id, "card": card_of(tx, payment), **_amount(payment.amount_micros, org)}
    _tell(tx, org.org_id, "recharge_requires_action", payment.payment_id, now, details)


def not_authenticated(tx: Tx, org: Organization, payment: Payment, now: int) -> None:
    """Asking again every day would be no better: it waits for an administrator."""
    if payment.kind == RECHARGE:
        pause(tx, org, "authentication_expired", now)
    else:
        _look_again(tx, org, recharge_store.find(tx, org.org_id), now)


def pause(tx: Tx, org: Organization, detail: str, now: int) -> None:
    """Until an administrator acts."""
    setting = recharge_store.find(tx, org.org_id)
    if setting.enabled and setting.state is not State.PAUSED:
        _pause(tx, org, setting, detail, now)


def _pause(tx: Tx, org: Organization, setting: Setting, detail: str, now: int) -> None:
    paused = replace(setting, state=State.PAUSED, state_detail=detail, next_attempt_at=None)
    recharge_store.save(tx, org.org_id, paused, None)
    details = {"code": detail, "card": "", **_amount(setting.amount or 0, org)}
    _tell(tx, org.org_id, "recharge_paused", f"{detail}:{_moment(tx, org, now)}", now, details)


def _moment(tx: ReadTx, org: Organization, now: int) -> str:
    """Where a clock stands, the books go on."""
    return f"{now}:{org_store.account(tx, org.org_id).last_entry_no}"


def _look_again(tx: Tx, org: Organization, setting: Setting, now: int) -> None:
    """A pending payment has ended: whatever it held up may go on."""
    if setting.enabled and setting.state not in IN_FLIGHT and setting.state is not State.PAUSED:
        recharge_store.save(tx, org.org_id, setting, now)
    elif setting.amount is not None:
        # Somebody has set something, so there is a row of it.
        recharge_store.save(tx, org.org_id, setting, None)


def card_of(tx: ReadTx, payment: Payment) -> str:
    method = method_store.find(tx, payment.org_id, payment.asked_method) if payment.asked_method else None
    return method.label if method else ""


def _amount(amount: int, org: Organization) -> dict[str, str]:
    return {"amount": decimal(amount), "currency": org.currency}


def _tell(tx: Tx, org_id: int, event: str, once: str, now: int, details: dict[str, str]) -> None:
    notice_store.add(tx, org_id, [notice(org_id, event, once, now, **details)])
