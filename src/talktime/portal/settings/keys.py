"""Keys of the API: what each may do, from where and how long. A key is shown once."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talktime.actions import keys
from talktime.actions.errors import Invalid
from talktime.actions.keys import MadeKey
from talktime.core.scopes import Scope
from talktime.core.time import DAY
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, Question, asked, chosen, errors_of, lines, written
from talktime.portal.visit import Visit
from talktime.reports import keys as reports
from talktime.storage.key_store import KeyRow
from talktime.web.problems import Problem

HERE = "/settings/keys"
SCOPES = tuple(scope for scope in Scope if scope is not Scope.OPERATOR)
"""Nobody but the operator gives out what is his."""
LASTS = ("30", "90", "365", "")
"""Days; the last one: without end."""
KEYS_SHOWN, ADDRESSES_MOST = 1000, 100


class Wish(Struct, frozen=True):
    """What is in the fields."""

    scopes: list[str] = []
    days: str = "365"
    addresses: str = ""


def get_keys(visit: Visit) -> Answer:
    rows = [*visit.read(reports.page, visit.org_id, KEYS_SHOWN, None)][::-1]
    valid = [row for row in rows if _is_valid(row, visit.now)]
    over = [row for row in rows if not _is_valid(row, visit.now)]
    return Screen("settings/keys.html", {"keys": valid, "over": over})


def _is_valid(row: KeyRow, now: int) -> bool:
    return row.revoked_at is None and (row.expires_at is None or now < row.expires_at)


def get_new(visit: Visit) -> Answer:
    return _form(Wish())


def _form(wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    values = {"wish": wish, "errors": errors, "scopes": SCOPES, "lasts": LASTS}
    return Screen("settings/new-key.html", values, 422 if errors else 200)


def make(visit: Visit) -> Answer:
    """Answered with the key itself: it is kept nowhere, so no other page could show it."""
    wish = Wish(visit.form.all("scopes"), visit.form.get("days"), visit.form.get("addresses"))
    try:
        made = _made(visit, wish)
    except REFUSED as error:
        return _form(wish, errors_of(visit, error))
    return Screen("settings/made-key.html", {"made": made})


def _made(visit: Visit, wish: Wish) -> MadeKey:
    scopes = [scope for scope in SCOPES if scope in chosen(visit, "scopes")]
    if wish.days not in LASTS or not scopes:
        raise Invalid("invalid", "days" if scopes else "scopes")
    expires_at = visit.now + int(wish.days) * DAY if wish.days else None
    return issued(visit, scopes, wish.addresses, expires_at)


def issued(visit: Visit, scopes: Sequence[Scope], addresses: str, expires_at: int | None = None) -> MadeKey:
    where = networks_of(addresses)
    return written(visit, keys.issue, visit.organization.mode, scopes, visit.actor, where, expires_at)


def networks_of(addresses: str) -> list[str]:
    """Nothing: from everywhere."""
    networks = [keys.network(one) for one in lines(addresses)]
    if len(networks) > ADDRESSES_MOST:
        raise Invalid("invalid", "addresses")
    return networks


def ask_to_revoke(visit: Visit) -> Answer:
    _, row = visit.say, _found(visit)
    text = _("Whatever uses it is refused from the next request on. This cannot be taken back.")
    title = _("Revoke the key {key}?", key=f"…{row.key_id[-8:]}")
    return asked(Question((HERE, _("API keys")), title, text, _("Revoke"), HERE))


def revoke(visit: Visit) -> Answer:
    written(visit, keys.withdraw, _found(visit).key_id, visit.actor)
    return Away(HERE, "revoked")


def _found(visit: Visit) -> KeyRow:
    rows = visit.read(reports.page, visit.org_id, KEYS_SHOWN, None)
    row = next((one for one in rows if one.key_id == visit.names["id"] and one.revoked_at is None), None)
    if row is None:
        raise Problem(404, "not_found")
    return row
