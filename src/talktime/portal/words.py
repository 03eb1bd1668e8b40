"""Words of the product's codes, in the reader's language."""

from __future__ import annotations

from talktime.portal.visit import Visit


def role_name(visit: Visit, role: str) -> str:
    _ = visit.say
    names = {
        "global_administrator": _("Global administrator"),
        "billing_administrator": _("Billing administrator"),
        "user_administrator": _("User administrator"),
        "communications_administrator": _("Communications administrator"),
        "helpdesk": _("Helpdesk"),
        "report_reader": _("Report reader"),
        "operator": _("Operator"),
        "price_manager": _("Price manager"),
        "support": _("Support"),
        "auditor": _("Auditor"),
    }
    return names.get(role, role)


def failure(visit: Visit, code: str | None) -> str:
    """Why a card was not charged."""
    _ = visit.say
    known = {
        "card_declined": _("The card was declined."),
        "insufficient_funds": _("The card had no funds left."),
        "expired_card": _("The card has expired."),
        "lost_card": _("The card was reported lost."),
        "stolen_card": _("The card was reported stolen."),
        "authentication_required": _("The bank wants to know that it is you."),
        "authentication_failed": _("The bank did not get a confirmation."),
        "rejected": _("The operator has rejected it."),
        "processing_error": _("The provider could not process it."),
        "no_answer": _("The provider did not answer."),
    }
    return known.get(code or "", _("The payment did not go through."))


def kind_name(visit: Visit, kind: str) -> str:
    """Of an entry."""
    _ = visit.say
    names = {
        "top_up": _("Top-up"),
        "recharge": _("Recharge"),
        "grant": _("Credit granted"),
        "charge": _("Charges"),
        "expiry": _("Expired"),
        "refund": _("Refund"),
        "dispute": _("Disputed payment"),
        "adjustment": _("Adjustment"),
        "reversal": _("Reversal of a call"),
    }
    return names.get(kind, kind)


def event_name(visit: Visit, event: str) -> str:
    """Of a notice."""
    _ = visit.say
    names = {
        "funds_added": _("Funds were added"),
        "recharge_succeeded": _("The balance was recharged"),
        "recharge_failed": _("A recharge failed"),
        "recharge_paused": _("Auto-recharge is paused"),
        "recharge_requires_action": _("A recharge waits for a confirmation"),
        "recharge_limit_reached": _("The monthly limit of auto-recharge is reached"),
        "balance_low": _("The balance is low"),
        "balance_zero": _("The balance is zero"),
        "balance_negative": _("The balance is below zero"),
        "lot_expiring": _("Funds expire soon"),
        "pool_80_percent": _("A minute pool is used to four fifths"),
        "pool_100_percent": _("A minute pool is used up"),
        "card_expiring": _("A card expires soon"),
        "settings_changed": _("Settings were changed"),
        "refund": _("A payment was refunded"),
        "dispute": _("A payment is disputed"),
        "user_blocked": _("A user was blocked"),
        "shortfall": _("A call cost more than was there"),
        "spend_alert": _("More was spent than an alert allows"),
    }
    return names.get(event, event)


FUNCTIONS = (event_name, failure, kind_name, role_name)
"""What templates may call."""
