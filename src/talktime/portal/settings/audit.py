"""The audit log: who changed what and when, to be searched and taken along."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from talktime.core.months import local_day, midnight
from talktime.core.time import moment
from talktime.portal import forms
from talktime.portal.files import Cell, csv_file
from talktime.portal.pages import Answer, Screen
from talktime.portal.settings.changing import REFUSED, errors_of
from talktime.portal.settings.deeds import Difference, action_name, differences, name_in
from talktime.portal.visit import Visit
from talktime.reports import audit, keys, members, people
from talktime.reports.audit import Wanted
from talktime.storage.audit_store import AuditRow

SHOWN, FILE_MAX, NAMES_MAX = 50, 100_000, 1000
ID_LENGTH, SHOWN_OF_ID = 32, 8
KINDS = {
    "sign_in": ("member.sign", "member.sessions_ended", "member.password", "sign_in_rules."),
    "members": ("member.invited", "member.changed", "member.removed"),
    "money": (
        *("top_up.", "payment.", "payment_method.", "recharge", "refund.", "agreement.", "billing_details."),
        *("credit.", "adjustment.", "call.reversed"),
    ),
    "users": ("user.", "users.", "licences.", "number."),
    "settings": ("alerts.", "key.", "webhook.", "switch.", "organization."),
}
HEADER = ("at", "who", "who_id", "action", "object", "old", "new")


class Line(NamedTuple):
    row: AuditRow
    what: str
    about: str
    who: str
    differences: list[Difference]


class Known(NamedTuple):
    """Names of the organization's people by their ids, also of those who are gone; and its keys."""

    people: dict[str, str]
    """Who sign in."""
    users: dict[str, str]
    """Those of the lines that are shown."""
    keys: frozenset[str]


class Filter(NamedTuple):
    """What stands in the fields."""

    kind: str
    who: str
    begin: str
    end: str

    @property
    def query(self) -> str:
        return urlencode({"kind": self.kind, "who": self.who, "from": self.begin, "to": self.end})


def get_audit(visit: Visit) -> Answer:
    chosen = _filter(visit)
    try:
        rows = _rows(visit, chosen, SHOWN + 1, visit.query.maybe("cursor"))
    except REFUSED as error:
        return _shown(visit, chosen, (), errors_of(visit, error))
    return _shown(visit, chosen, rows)


def _shown(visit: Visit, chosen: Filter, rows: Sequence[AuditRow], errors: dict[str, str] | None = None) -> Answer:
    known = _known(visit, rows)
    values = {
        "chosen": chosen,
        "kinds": [*KINDS],
        "people": known.people.items(),
        "lines": [_line(visit, row, known) for row in rows[:SHOWN]],
        "next": rows[SHOWN - 1].audit_id if len(rows) > SHOWN else None,
        "errors": errors,
    }
    return Screen("settings/audit.html", values, 422 if errors else 200)


def _filter(visit: Visit) -> Filter:
    query = visit.query
    return Filter(query.get("kind"), query.get("who"), query.get("from"), query.get("to"))


def _known(visit: Visit, rows: Sequence[AuditRow] = ()) -> Known:
    about = [row.object for row in rows if row.action.startswith("user.")]
    return Known(
        people={one.member_id: one.name for one in visit.read(members.page, visit.org_id, NAMES_MAX, None)},
        users=visit.read(people.names_of, visit.org_id, about),
        keys=frozenset(one.key_id for one in visit.read(keys.page, visit.org_id, NAMES_MAX, None)),
    )


def _rows(visit: Visit, chosen: Filter, limit: int, before: str | None) -> Sequence[AuditRow]:
    begin, end = _day("from", chosen.begin), _day("to", chosen.end)
    wanted = Wanted(
        begins=KINDS.get(chosen.kind, ()),
        actor=chosen.who,
        since=midnight(begin, visit.zone) if begin else None,
        until=midnight(end + timedelta(days=1), visit.zone) if end else None,
    )
    return visit.read(audit.search, visit.org_id, wanted, limit, before)


def _day(field: str, text: str) -> date | None:
    return forms.day(text, field)


def _line(visit: Visit, row: AuditRow, known: Known) -> Line:
    about, who = _about(row, known), who_did(visit, row.actor, known)
    return Line(row, action_name(visit, row.action), about, who, differences(visit, row))


def who_did(visit: Visit, actor: str, known: Known) -> str:
    """The operator's people and keys are his own business: here they are the operator."""
    _ = visit.say
    if actor in known.people:
        return known.people[actor]
    if actor in known.keys:
        return _("API key {key}", key=f"…{actor[-SHOWN_OF_ID:]}")
    match actor.partition("_")[0].partition(":")[0]:
        case "mem" | "key" | "local":
            return _("The operator")
        case "provider":
            return _("The payment provider")
    return _("Talktime itself")


def _about(row: AuditRow, known: Known) -> str:
    """What has a name is called by it; what there is only one of needs none."""
    if name := known.people.get(row.object) or known.users.get(row.object):
        return name
    if row.action.startswith("organization."):
        return ""
    _beginning, _, tail = row.object.rpartition("_")
    if len(tail) == ID_LENGTH:
        return name_in(row) or f"…{tail[-SHOWN_OF_ID:]}"
    return row.object if row.action.startswith("switch.") else name_in(row)


def get_file(visit: Visit) -> Answer:
    """The same list as a file, with all values as they are kept; times in UTC."""
    known = _known(visit)
    rows = [_cells(visit, row, known) for row in _rows(visit, _filter(visit), FILE_MAX, None)]
    return csv_file(f"audit-{local_day(visit.now, visit.zone)}", HEADER, rows)


def _cells(visit: Visit, row: AuditRow, known: Known) -> Sequence[Cell]:
    at, who = moment(row.at).isoformat(), who_did(visit, row.actor, known)
    return (at, who, row.actor, row.action, row.object, row.old or "", row.new or "")
