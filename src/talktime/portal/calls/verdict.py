"""What became of a call in one sentence, and where it was refused the button that mends it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from talktime.portal.calls.lines import Line
from talktime.portal.calls.words import destination_name
from talktime.portal.visit import Visit


class Verdict(NamedTuple):
    title: str
    text: str
    path: str = ""
    label: str = ""
    right: str = ""
    """Who may press the button."""


def verdict_of(visit: Visit, line: Line) -> Verdict | None:
    """Of a call that was refused."""
    return {**_of_users(visit, line), **_of_money(visit), **_of_numbers(visit, line)}.get(line.reason)


def _of_users(visit: Visit, line: Line) -> dict[str, Verdict]:
    _, who = visit.say, line.who or visit.say("The user")
    user = f"/users/{quote(line.user_id, safe='')}" if line.user_id else "/users/list"
    change = ("people.change",)
    return {
        "user_blocked": Verdict(
            _("{who} is blocked", who=who),
            _("Who is blocked cannot call out; emergency calls go through."),
            *(user, _("Look at the user"), *change),
        ),
        "policy_restricted": Verdict(
            _("The calling policy of {who} does not allow this destination", who=who),
            _("The policy is that of the user, or of the organization where the user has none."),
            *(user, _("Change the policy"), *change),
        ),
        "no_licence": Verdict(
            _("{who} is not known, or has no licence for this kind of call", who=who),
            _("Calls need a calling plan with Phone System, meetings need Audio Conferencing."),
            *(user, _("Assign the licence"), *change),
        ),
        "no_credits_licence": Verdict(
            _("{who} holds no Communications Credits licence", who=who),
            _("No pool covers this call, so credits would have to pay, and they pay only for who holds the licence."),
            *(user, _("Assign the licence"), *change),
        ),
        "fraud_limit": Verdict(
            _("The fraud guard did not allow it"),
            _("Who passes one of its limits is blocked until somebody looks; the operator sets the limits."),
            *(user, _("Look at the user"), *change),
        ),
    }


def _of_money(visit: Visit) -> dict[str, Verdict]:
    _, add = visit.say, ("/billing/credits/add", visit.say("Add more funds"), "funds.change")
    return {
        "credits_not_set_up": Verdict(
            _("Communication credits are not set up"),
            _("No pool covers this call. As soon as the first funds are added, credits can pay."),
            *add,
        ),
        "no_balance": Verdict(
            _("There was not enough money for the first minute"),
            _("What was available did not cover the fee and the first increment of this call."),
            *add,
        ),
    }


def _of_numbers(visit: Visit, line: Line) -> dict[str, Verdict]:
    _ = visit.say
    look = (f"/rates?to={quote(line.called)}", _("Look at the rates"), "rates.see")
    return {
        "no_rate": Verdict(
            _("There is no published rate for this destination"),
            _("Without a price nobody can pay. The operator publishes the prices."),
            *look,
        ),
        "invalid_number": Verdict(
            _("The number cannot be dialled"),
            _("A number is a plus, the calling code of the country and 6 to 14 more digits. The switch sent another."),
        ),
        "number_not_supported": Verdict(
            _("Numbers of this kind cannot be called"),
            _(
                "Premium numbers in {country} are not allowed from here.",
                country=destination_name(visit, line.destination),
            ),
        ),
        "organization_closed": Verdict(
            _("The organization is closed"), _("Only emergency calls go through. Ask the operator.")
        ),
        "already_ended": Verdict(
            _("The end of this call was reported before it was asked for"),
            _("So nothing was held. A switch that asks late after an outage looks like this."),
        ),
    }
