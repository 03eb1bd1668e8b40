"""Money that people move: credit granted, the ledger corrected, a call given back."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Forbidden, Invalid, NotFound, StateConflict
from talktime.actions.organizations import CLOSED, locked
from talktime.core.calls import CallState
from talktime.core.funds import BalanceTooLarge, Cashier, Cause, Movement, NothingToReverse
from talktime.core.lots import Lot
from talktime.core.money import decimal
from talktime.storage import adjustment_store, ledger_store, lot_store, org_store
from talktime.storage.adjustment_store import WAITING, Adjustment, Reversal
from talktime.storage.database import ReadTx, Tx
from talktime.storage.lot_store import LotRow
from talktime.storage.org_store import Organization


class Grant(Struct, frozen=True):
    grant_id: str
    """The part after the prefix, of the lot and of the entry's key."""
    amount: int
    expires_at: int
    priority: int
    reason: str = ""


def grant(tx: Tx, org_id: int, command: Grant, actor: Actor) -> LotRow:
    """A promotional lot. The first funding sets credits up."""
    org = locked(tx, org_id)
    now = org.now(actor.now)
    if org.state == CLOSED:
        raise StateConflict("organization_closed")
    if command.expires_at <= now:
        raise Invalid("in_the_past", "expires_at")
    lot_id = f"lot_{command.grant_id}"
    lot = Lot(lot_id, command.amount, 0, now, command.expires_at, command.priority, promotional=True)

    cashier = _cashier(tx, org, now)
    cashier.grant(lot, Cause(f"grant:{command.grant_id}", actor.by, command.reason))

    ledger_store.record(tx, org_id, _movement(cashier), sets_up_credits=True)
    told = {"amount": decimal(command.amount)} | ({"reason": command.reason} if command.reason else {})
    audit.note(tx, org_id, actor, "credit.granted", lot_id, None, told)
    return _lot(tx, org_id, lot_id)


def adjust(tx: Tx, org_id: int, adjustment: Adjustment, limit: int, actor: Actor) -> Adjustment:
    """Booked at once up to `limit`; above it a second person has to agree."""
    org = locked(tx, org_id)
    if abs(adjustment.amount_micros) > limit:
        adjustment = replace(adjustment, status=WAITING)
    else:
        _book(tx, org, adjustment, actor)

    adjustment_store.add(tx, org_id, adjustment)
    audit.note(tx, org_id, actor, "adjustment.asked", adjustment.adjustment_id, None, _told(adjustment))
    return adjustment


def confirm(tx: Tx, org_id: int, adjustment_id: str, actor: Actor) -> Adjustment:
    """By somebody else than who asked for it."""
    org = locked(tx, org_id)
    adjustment = adjustment_of(tx, org_id, adjustment_id)
    if adjustment.status != WAITING:
        raise StateConflict("already_booked")
    if adjustment.asked_by == actor.by:
        raise Forbidden("second_person_needed")

    _book(tx, org, adjustment, actor)

    adjustment_store.confirm(tx, org_id, adjustment_id, actor.by)
    confirmed = adjustment_of(tx, org_id, adjustment_id)
    audit.note(tx, org_id, actor, "adjustment.confirmed", adjustment_id, _told(adjustment), _told(confirmed))
    return confirmed


def adjustment_of(tx: ReadTx, org_id: int, adjustment_id: str) -> Adjustment:
    adjustment = adjustment_store.find(tx, org_id, adjustment_id)
    if adjustment is None:
        raise NotFound
    return adjustment


def _book(tx: Tx, org: Organization, adjustment: Adjustment, actor: Actor) -> None:
    cashier, amount = _cashier(tx, org, org.now(actor.now)), adjustment.amount_micros
    tail = adjustment.adjustment_id.partition("_")[2]
    cause = Cause(f"adjustment:{tail}", actor.by, adjustment.reason)

    if amount > 0:
        cashier.give(f"lot_{tail}", amount, cause)
    else:
        cashier.take(-amount, cause)

    ledger_store.record(tx, org.org_id, _movement(cashier))


def reverse(tx: Tx, org_id: int, reversal: Reversal, actor: Actor) -> Reversal:
    """At most what the call was charged, less what was given back of it before."""
    org = locked(tx, org_id)
    call = adjustment_store.charged_call(tx, org_id, reversal.call_id)
    if call is None:
        raise NotFound
    if call.state is CallState.STALE and call.talked_seconds is None:
        # Its end may still be reported, and then it is corrected: not twice.
        raise StateConflict("end_not_reported", "call_id")
    charged = call.charged
    before = adjustment_store.reversed_of(tx, org_id, reversal.call_id)
    cause = Cause(f"reversal:{reversal.reversal_id}", actor.by, reversal.reason)

    cashier = _cashier(tx, org, org.now(actor.now), [part.lot_id for part in charged])
    try:
        cashier.reverse(charged, before, reversal.amount_micros, cause)
    except NothingToReverse as error:
        raise StateConflict("more_than_charged", "amount") from error

    ledger_store.record(tx, org_id, _movement(cashier))
    adjustment_store.add_reversal(tx, org_id, reversal)
    new = {"call_id": reversal.call_id, "amount": decimal(reversal.amount_micros), "reason": reversal.reason}
    audit.note(tx, org_id, actor, "call.reversed", reversal.reversal_id, None, new)
    return reversal


def _cashier(tx: ReadTx, org: Organization, now: int, also: list[str] | None = None) -> Cashier:
    return Cashier(org.org_id, org_store.account(tx, org.org_id, also or ()), now)


def _movement(cashier: Cashier) -> Movement:
    try:
        return cashier.movement()
    except BalanceTooLarge as error:
        raise StateConflict("balance_too_large", "amount") from error


def _lot(tx: ReadTx, org_id: int, lot_id: str) -> LotRow:
    lot = lot_store.find(tx, org_id, lot_id)
    assert lot is not None
    return lot


def _told(adjustment: Adjustment) -> dict[str, object]:
    return {
        "amount": decimal(adjustment.amount_micros),
        "reason": adjustment.reason,
        "status": adjustment.status,
        "confirmed_by": adjustment.confirmed_by,
    }
