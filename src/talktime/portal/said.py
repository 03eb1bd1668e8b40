"""What is told on the page that follows something that was done."""

from __future__ import annotations

from talktime.portal.visit import Visit


def said(visit: Visit) -> str:
    """Nothing for words that are not ours: an address can be made up by anybody."""
    _ = visit.say
    words = {
        "saved": _("The changes are saved."),
        "paid": _("The funds are added."),
        "pending": _("The payment is on its way. It shows here as soon as the provider has decided."),
        "invoiced": _("The invoice is made. Its funds can be spent once it is paid."),
        "charged": _("The settings are saved, and the recharge has begun."),
        "retried": _("Auto-recharge tries again now."),
        "card-saved": _("The card is saved."),
        "card-removed": _("The card is removed."),
        "added": _("It is added."),
        "removed": _("It is removed."),
        "password-changed": _("The password is changed. Wherever else you were signed in, you are no longer."),
        "password-set": _("The new password is set. Sign in with it."),
        "sessions-ended": _("Signed out there."),
        "factor-removed": _("The second factor is removed."),
        "signed-out": _("You are signed out."),
        "hung-up": _("The switch is told to end the call."),
        "invited": _("The invitation is on its way."),
        "begun": _("It has begun."),
        "confirmed": _("It is confirmed and booked."),
        "sent": _("It is sent."),
        "closed": _("The organization is closed. New calls are refused from now on."),
        "drafted": _("The draft is saved. Nothing changes before it is published."),
        "published": _("The prices are in force."),
        "scheduled": _("The prices come into force at the time you chose."),
        "corrected": _("It is booked."),
        "waits": _("It is kept, and booked as soon as a second person confirms it."),
        "rejected": _("The payment is rejected: nothing is credited."),
        "ended": _("The person is signed out everywhere."),
        "refunded": _("The refund has begun."),
        "user-added": _("The user is added. Licences are next: without one, no call goes out."),
        "user-removed": _("The user is removed, and the licences are free again."),
        "blocked": _("The user is blocked, and calls in progress are being ended."),
        "unblocked": _("The user may call again."),
        "assigned": _("The licences are given and taken away."),
        "number-added": _("The number is added."),
        "number-removed": _("The number is given up."),
        "imported": _("The file is taken over."),
        "sending": _("It is on its way; below it shows what became of it."),
        "revoked": _("The key is revoked."),
    }
    return words.get(visit.query.get("said"), "")
