"""Many users at once: from a file, and licences for a list of them. All or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import audit, roster
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, InvalidMany
from talktime.actions.organizations import locked
from talktime.actions.people import UNIQUE, check_codes, coded, found, take_licences, told
from talktime.actions.roster import Change
from talktime.core.languages import LANGUAGES
from talktime.core.price_files import ERRORS_MAX, of_file, wrong_at
from talktime.core.price_rows import BadRow
from talktime.core.user_rows import KINDS, UserLine
from talktime.storage import knowledge_store, number_store, user_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.user_store import UserRow

AUDITED_TOGETHER = 500
"""A row of the audit log for each user of a large file would hold everybody up."""

Placed = tuple[int, Change]
"""The number of the line, and what it asks for."""


class Taken(Struct, frozen=True):
    created: int
    changed: int
    unchanged: int


def take(tx: Tx, org_id: int, lines: Sequence[UserLine], new_id: Callable[[], str], actor: Actor) -> Taken:
    """Who has the sign-in name of a line is changed, all others are made; who is not named stays as he is."""
    org = locked(tx, org_id)
    changes, taken = foreseen(tx, org_id, lines, new_id, actor.now)

    roster.write(tx, org, changes, actor)
    _note(tx, org_id, changes, actor)
    return taken


def foreseen(
    tx: ReadTx, org_id: int, lines: Sequence[UserLine], new_id: Callable[[], str], now: int
) -> tuple[Sequence[Change], Taken]:
    """What a file would change, and how much that is. Nothing is done yet."""
    users = user_store.of_organization(tx, org_id)
    placed = _asked(lines, {user.sign_in_name: user for user in users}, new_id, now)
    errors = [wrong_at(bad, number, of_file) for number, bad in islice(_wrong(tx, org_id, placed, users), ERRORS_MAX)]
    if errors:
        raise InvalidMany([(one.field, one.code, one.detail) for one in errors])

    changes = [change for _, change in placed if change.old != change.new]
    made = sum(change.old is None for change in changes)
    return changes, Taken(made, len(changes) - made, len(placed) - len(changes))


def _asked(
    lines: Sequence[UserLine], known: Mapping[str, UserRow], new_id: Callable[[], str], now: int
) -> list[Placed]:
    """Ids sort as the lines do."""
    ids = iter(sorted(new_id() for line in lines if line.sign_in_name not in known))
    placed = []
    for line in lines:
        old = known.get(line.sign_in_name)
        new = replace(old, **_values(line)) if old else _made(line, next(ids), now)
        placed.append((line.number, Change(old, new)))
    return placed


def _made(line: UserLine, user_id: str, now: int) -> UserRow:
    usual = {"number": None, "kind": KINDS[0], "language": LANGUAGES[0], "licences": coded(())}
    return UserRow(user_id=user_id, created_at=now, **(usual | _values(line)))


def _values(line: UserLine) -> dict[str, Any]:
    licences = {} if line.codes is None else {"licences": coded(line.codes)}
    return {**line.values, **licences}


def _wrong(tx: ReadTx, org_id: int, placed: Sequence[Placed], users: Iterable[UserRow]) -> Iterator[tuple[int, BadRow]]:
    catalogue = knowledge_store.catalogue(tx)
    for number, change in placed:
        for code in change.given:
            if code not in catalogue:
                yield number, BadRow("licences", f"there is no licence {code[:64]!r}", "unknown_licence")
    yield from _names_of_others(placed, users, number_store.numbers(tx, org_id))
    known = [(number, change) for number, change in placed if all(code in catalogue for code in change.given)]
    for index, code in roster.shortages(tx, org_id, [change for _, change in known]):
        yield known[index][0], BadRow("licences", f"no licence {code} is left", "no_licence_left")


def _names_of_others(
    placed: Sequence[Placed], users: Iterable[UserRow], service_numbers: Iterable[str]
) -> Iterator[tuple[int, BadRow]]:
    """As it will be when all lines are done: two may change numbers."""
    ours = {change.new.user_id for _, change in placed}
    owners = {user_id: user_id for user_id in ours} | dict.fromkeys(service_numbers, "")
    owners |= {name: user.user_id for user in users if user.user_id not in ours for name in user.known_as}
    for number, change in placed:
        for field in UNIQUE:
            name = getattr(change.new, field)
            if name is not None and owners.setdefault(name, change.new.user_id) != change.new.user_id:
                yield number, BadRow(field, "somebody or something else has this already", "already_used")


def _note(tx: Tx, org_id: int, changes: Sequence[Change], actor: Actor) -> None:
    for first in range(0, len(changes), AUDITED_TOGETHER):
        some = changes[first : first + AUDITED_TOGETHER]
        old = {change.old.user_id: _all_told(change.old) for change in some if change.old}
        new = {change.new.user_id: _all_told(change.new) for change in some}
        audit.note(tx, org_id, actor, "users.imported", "users", old, new)


def _all_told(user: UserRow) -> dict[str, Any]:
    return told(user) | {"policy": user.policy, "licences": list(user.codes)}


def assign_many(
    tx: Tx, org_id: int, names: Sequence[str], add: Sequence[str], remove: Sequence[str], actor: Actor
) -> Taken:
    """Each is known by his id, sign-in name or number."""
    org = locked(tx, org_id)
    check_codes(tx, add, "add")
    check_codes(tx, remove, "remove")
    if both := set(add) & set(remove):
        raise Invalid("added_and_removed", f"remove[{remove.index(min(both))}]")
    users = _named(tx, org_id, names)
    wanted = [Change(old, replace(old, licences=coded((set(old.codes) | set(add)) - set(remove)))) for old in users]
    changes = [change for change in wanted if change.old != change.new]
    take_licences(tx, org, changes, actor)
    return Taken(0, len(changes), len(wanted) - len(changes))


def _named(tx: ReadTx, org_id: int, names: Sequence[str]) -> list[UserRow]:
    """Each once, however often named."""
    users: dict[str, UserRow] = {}
    for number, name in enumerate(names):
        user_id = user_store.owner_of(tx, org_id, name)
        if user_id is None:
            raise Invalid("unknown_user", f"users[{number}]")
        users[user_id] = found(tx, org_id, user_id)
    return list(users.values())
