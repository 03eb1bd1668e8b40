"""Who takes the money: are they reached, which of their messages lie here, which invoices are not paid yet."""

from __future__ import annotations

from talktime.actions import payments
from talktime.core.ids import org_name
from talktime.portal.operator.ours import SHOWN, everywhere, named, one_of, organizations_of
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.reports import top_ups
from talktime.web.problems import Problem

HERE = "/operator/providers"
INBOX = "/v1/operator/inbox"
STATES = ("parked", "waiting", "done")


def get_providers(visit: Visit) -> Answer:
    """Asking them takes a moment, so it is done when somebody wants to know."""
    checked = visit.ask("/v1/operator/providers")["data"] if visit.query.get("check") else []
    state = one_of(visit.query.get("state"), STATES) or STATES[0]
    letters = visit.ask(INBOX, state=state, limit=SHOWN, cursor=visit.query.maybe("cursor"))
    invoices = everywhere(visit, top_ups.unpaid_invoices, SHOWN, None)
    values = {
        "providers": checked or [{"name": name} for name in sorted(visit.app.till.providers)],
        "checked": bool(checked),
        "state": state,
        "letters": letters["data"],
        "next": letters["next"],
        "invoices": invoices,
        "organizations": organizations_of(visit, [one.org_id for one in invoices]),
        "org_name": org_name,
    }
    return Screen("operator/providers.html", values)


def replay(visit: Visit) -> Answer:
    """Worked off once more; what it has done already it does not do again."""
    visit.send("POST", f"{INBOX}/{visit.named('org')}/{visit.named('id')}/replay", {})
    return Away(HERE, "begun")


# ---------------------------------------------------------------- invoices


def get_invoice(visit: Visit) -> Answer:
    return _invoice(visit)


def _invoice(visit: Visit, error: str = "") -> Answer:
    org = named(visit, visit.names["org"])
    payment = visit.app.database.read(org.org_id, payments.found, org.org_id, visit.names["id"])
    if payment.provider != "invoice":
        raise Problem(404, "not_found")
    values = {"org": org, "payment": payment, "id": visit.names["org"], "error": error}
    return Screen("operator/invoice.html", values, 409 if error else 200)


def decide(visit: Visit) -> Answer:
    """Its money has come, or will not come."""
    what = one_of(visit.form.get("decision"), ("confirm", "reject"))
    if what is None:
        raise Problem(400, "malformed")
    try:
        visit.send("POST", f"/v1/operator/payments/{visit.named('id')}/{what}", {})
    except Problem as problem:
        return _invoice(visit, visit.sentence(problem, problem.detail, problem.code))
    return Away(HERE, "confirmed" if what == "confirm" else "rejected")
