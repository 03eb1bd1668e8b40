"""All users as a file, from it and to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from talktime.actions import people, user_files
from talktime.actions.errors import InvalidMany
from talktime.core.price_files import BadRows
from talktime.core.scopes import Scope
from talktime.core.sheets import written
from talktime.core.user_rows import COLUMNS, UserLine, read_user_file
from talktime.storage.database import ReadTx, Tx
from talktime.storage.user_store import UserRow
from talktime.web.fields import actor
from talktime.web.routes import IMPORT_BYTES_MAX, Raw, Request, Route

CSV = "text/csv"
NAMED = {"content-disposition": 'attachment; filename="users.csv"'}


class ImportedBody(Struct, kw_only=True):
    created: int
    changed: int
    unchanged: int


def read(request: Request[Any]) -> list[UserLine]:
    try:
        return read_user_file(request.body)
    except BadRows as error:
        raise InvalidMany([(one.field, one.code, one.detail) for one in error.errors]) from error


def import_users(tx: Tx, request: Request[list[UserLine]]) -> ImportedBody:
    """Makes and changes the users of a file, each known by the sign-in name. With one bad line nothing is done."""
    taken = user_files.take(tx, request.org_id, request.form, lambda: request.app.new_id("usr"), actor(request))
    return ImportedBody(created=taken.created, changed=taken.changed, unchanged=taken.unchanged)


def export_users(tx: ReadTx, request: Request[None]) -> Raw:
    """All users as a file that can be imported again."""
    lines = map(_cells, people.everybody(tx, request.org_id))
    return Raw(written(COLUMNS, lines), f"{CSV}; charset=utf-8", NAMED)


def _cells(user: UserRow) -> Sequence[str]:
    who = (user.name, user.sign_in_name, user.usage_location, user.number or "", user.kind, user.language)
    return (*who, " ".join(user.codes), user.policy or "")


FILE: dict[str, Any] = {"prepare": read, "bytes_max": IMPORT_BYTES_MAX, "also_kinds": (CSV,)}
ROUTES = [
    Route("POST", "/v1/users/import", Scope.USERS, import_users, answer=ImportedBody, tag="People", **FILE),
    Route("GET", "/v1/users/export", Scope.USERS, export_users, answer=Raw, tag="People"),
]
