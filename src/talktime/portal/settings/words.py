"""Words of the codes that Settings shows, in the reader's language."""

from __future__ import annotations

from talktime.portal.visit import Visit
from talktime.portal.words import event_name


def scope_name(visit: Visit, scope: str) -> str:
    """What a key may do."""
    _ = visit.say
    names = {
        "calls": _("Calls"),
        "switches": _("Switches"),
        "funds": _("Funds"),
        "users": _("Users"),
        "reports": _("Reports"),
        "rates": _("Rates"),
        "settings": _("Settings"),
        "operator": _("Everything"),
    }
    return names.get(scope, scope)


def scope_help(visit: Visit, scope: str) -> str:
    _ = visit.say
    texts = {
        "calls": _("Authorize, extend and end calls, as a switch does; switches included."),
        "switches": _("Make switches known, and their heartbeats."),
        "funds": _("See the balance, add funds, change auto-recharge."),
        "users": _("Users, licences, policies, numbers and people who sign in."),
        "reports": _("Read usage, calls, entries and notices."),
        "rates": _("Look up what calls cost."),
        "settings": _("Alerts and webhooks."),
    }
    return texts.get(scope, "")


def area_name(visit: Visit, area: str) -> str:
    """What a role sees or changes."""
    _ = visit.say
    names = {
        "funds": _("Funds: balance, payments, receipts"),
        "calls": _("Calls in progress and their stories"),
        "reports": _("Reports and exports"),
        "people": _("Users, licences and blocks"),
        "numbers": _("Service numbers"),
        "rates": _("Rates"),
        "settings": _("Settings"),
        "members": _("People who sign in"),
        "organizations": _("Organizations"),
        "prices": _("Price lists and catalogue"),
        "corrections": _("Corrections"),
        "providers": _("Payment providers"),
        "operation": _("Operation of the system"),
        "audit": _("Audit log of the operator"),
    }
    return names.get(area, area)


def role_help(visit: Visit, role: str) -> str:
    """For whom a role is meant."""
    _ = visit.say
    texts = {
        "global_administrator": _("Sees and changes everything of the organization."),
        "billing_administrator": _("Adds funds and looks after payments; sees the rest."),
        "user_administrator": _("Looks after users and licences."),
        "communications_administrator": _("Looks after calls, numbers and users."),
        "helpdesk": _("Sees what is needed to answer questions, changes nothing."),
        "report_reader": _("Sees reports and rates, nothing else."),
    }
    return texts.get(role, "")


def member_state(visit: Visit, state: str) -> str:
    _ = visit.say
    return {"invited": _("Invited"), "active": _("Active"), "removed": _("Removed")}.get(state, state)


def delivery_state(visit: Visit, state: str) -> str:
    """Of a message on its way."""
    _ = visit.say
    names = {
        "waiting": _("Waiting"),
        "sent": _("Arrived"),
        "parked": _("Given up"),
        "cancelled": _("Cancelled"),
        "nobody": _("Nobody to tell"),
    }
    return names.get(state, state)


def switch_state(visit: Visit, state: str) -> str:
    _ = visit.say
    return {"heard": _("Connected"), "silent": _("Silent"), "new": _("Never heard of")}.get(state, state)


def switch_kind(visit: Visit, kind: str) -> str:
    names = {
        "kamailio": "Kamailio",
        "freeswitch": "FreeSWITCH",
        "asterisk": "Asterisk",
        "radius": "RADIUS",
        "diameter": "Diameter",
    }
    _ = visit.say
    return names.get(kind) or _("Another one")


def switch_hint(visit: Visit, kind: str) -> str:
    """What asks us for calls there."""
    _ = visit.say
    texts = {
        "kamailio": _("Ask from the routing script with the module http_async_client, so that no worker waits."),
        "freeswitch": _("Ask from the dialplan with mod_curl, or from a script of mod_lua."),
        "asterisk": _("Ask from the dialplan with the function CURL, or from a program that speaks ARI."),
        "radius": _(
            "Let the RADIUS server pass accounting and authorization on over HTTP; FreeRADIUS has rlm_rest for it."
        ),
        "diameter": _(
            "Let an agent translate credit control: initial is authorize, update is extend, terminate is settle."
        ),
    }
    return texts.get(kind, _("Whatever can send HTTP and read JSON can ask."))


def event_label(visit: Visit, event: str) -> str:
    """Of a delivery: also of the message that only tries the way."""
    _ = visit.say
    return _("Test message") if event == "test" else event_name(visit, event)


FUNCTIONS = (
    *(area_name, delivery_state, event_label, member_state, role_help, scope_help, scope_name),
    *(switch_hint, switch_kind, switch_state),
)
"""What templates may call."""
