"""One person's data: who is meant, and every row that is about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talktime.actions.errors import NotFound
from talktime.core.calls import Call, CallState
from talktime.core.persons import ERASED, Person
from talktime.storage import call_store, member_store, person_store
from talktime.storage.database import Database, ReadTx
from talktime.storage.member_store import MemberRow
from talktime.storage.person_store import CALLS, EVERYWHERE, USAGE, Kind, Place
from talktime.storage.store import decode_call, encode_call
from talktime.storage.user_store import UserRow

SLICE = 500
"""Rows that are read at once. Each is changed by itself, so nobody waits for long."""
CALLED = ("name", "sign_in_name", "number", "email")
Row = dict[str, Any]
Somebody = UserRow | MemberRow
Tell = Callable[[int], None]


def silent(rows: int) -> None:
    """For those who do not watch."""


class CannotErase(Exception):
    """A sentence says what stands in the way. Who it is is known as before, so that it can be done again."""


class Known(Struct, frozen=True):
    """Somebody, as an organization knows them: users and members with one address are one person."""

    users: tuple[UserRow, ...]
    members: tuple[MemberRow, ...]
    words: frozenset[str]

    @property
    def ids(self) -> list[str]:
        return [*(one.user_id for one in self.users), *(one.member_id for one in self.members)]

    @property
    def person(self) -> Person:
        return Person(self.ids, self.words)


def find(tx: ReadTx, org_id: int, word: str) -> Known:
    """By id, sign-in name or address. Who was removed is meant where nobody else is."""
    everybody, folded = _everybody(tx, org_id), word.casefold()
    called = [one for one in everybody if word == _id(one) or folded == _address(one).casefold()]
    meant = [one for one in called if one.removed_at is None] or called
    if not meant:
        raise NotFound
    addresses = {_address(one).casefold() for one in meant if "@" in _address(one)}
    return _known(tx, org_id, [one for one in everybody if one in meant or _address(one).casefold() in addresses])


def removed_before(tx: ReadTx, org_id: int, before: int) -> Known | None:
    """All who were removed by then and are not forgotten yet. Whom a call in progress is about waits for its end."""
    gone = [one for one in _everybody(tx, org_id) if one.removed_at and one.removed_at <= before]
    meant = _in_no_call(tx, org_id, [one for one in gone if one.name != ERASED])
    return _known(tx, org_id, meant) if meant else None


def not_forgotten(tx: ReadTx, org_id: int) -> frozenset[str]:
    """The ids of all whose names are known."""
    return frozenset(_id(one) for one in _everybody(tx, org_id) if one.name != ERASED)


def _in_no_call(tx: ReadTx, org_id: int, meant: Sequence[Somebody]) -> Sequence[Somebody]:
    calls = call_store.in_progress(tx, org_id)

    def is_in_one(some: Sequence[Somebody]) -> bool:
        person = _known(tx, org_id, some).person
        return any(_is_in(call, person) for call in calls)

    # Mostly nobody is, and one look says so.
    return [one for one in meant if not is_in_one([one])] if calls and is_in_one(meant) else meant


def _everybody(tx: ReadTx, org_id: int) -> list[Somebody]:
    """Also who was removed."""
    return [*person_store.users(tx, org_id), *member_store.members(tx, org_id)]


def _id(one: Somebody) -> str:
    return one.user_id if isinstance(one, UserRow) else one.member_id


def _address(one: Somebody) -> str:
    return one.sign_in_name if isinstance(one, UserRow) else one.email


def _known(tx: ReadTx, org_id: int, meant: Sequence[Somebody]) -> Known:
    users = tuple(one for one in meant if isinstance(one, UserRow))
    others = tuple(one for one in meant if isinstance(one, MemberRow))
    known = Known(users, others, frozenset())
    now = {word for one in meant for word in _called(msgspec.structs.asdict(one))}
    earlier = {word for told in _told_of(tx, org_id, known.ids) for word in _called(told)}
    # A number or an address that was free again may be somebody else's now.
    there = [one for one in _everybody(tx, org_id) if one not in meant and one.removed_at is None]
    taken = {word for one in there for word in (_address(one), getattr(one, "number", None))}
    return replace(known, words=frozenset((now | earlier) - taken))


def _told_of(tx: ReadTx, org_id: int, ids: Sequence[str]) -> Iterator[Any]:
    """What the audit log has of these. A line of a file has many people, and only a part is theirs."""
    for text in person_store.told_of(tx, org_id, ids):
        yield msgspec.json.decode(text)
    for text in person_store.told_of_files(tx, org_id):
        people = msgspec.json.decode(text)
        yield from (people[one] for one in ids if one in people)


def _called(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        yield from (told[name] for name in CALLED if isinstance(told.get(name), str))


# ---------------------------------------------------------------- what is theirs


class Mention(Struct, frozen=True):
    """A row that is about somebody, and what of it is to be another."""

    place: Place
    row: Row
    values: dict[str, Any]

    @property
    def changes(self) -> bool:
        return self.place.goes or bool(self.values)

    @property
    def goes_on(self) -> bool:
        """It is a call in progress."""
        return "story" in self.row and self.row["due_at"] is not None


def mentions(
    database: Database, org_id: int, person: Person, tell: Tell = silent, places: Sequence[Place] = EVERYWHERE
) -> Iterator[Mention]:
    """Row by row, wherever people stand, from one slice to the next: nothing is held meanwhile."""
    for place in places:
        for rows in _slices(database, org_id, place):
            yield from (one for row in rows if (one := mention(place, row, person)))
            tell(len(rows))


def _slices(database: Database, org_id: int, place: Place) -> Iterator[Sequence[Row]]:
    after: list[Any] = []
    while rows := database.read(org_id, person_store.some, org_id, place, after, SLICE):
        yield rows
        after = [rows[-1][column.name] for column in place.key]
        if not after or len(rows) < SLICE:
            return


def newer_mentions(tx: ReadTx, org_id: int, person: Person, since: int) -> list[Mention]:
    """In what calls have brought since then."""
    calls = [one for row in person_store.calls_since(tx, org_id, since) if (one := mention(CALLS, row, person))]
    usage = person_store.usage_of(tx, org_id, [one.row["call_id"] for one in calls])
    return [*calls, *(one for row in usage if (one := mention(USAGE, row, person)))]


def mention(place: Place, row: Row, person: Person) -> Mention | None:
    own = place.whose is not None and row[place.whose] in person.ids
    values = {name: _cleaned(place, name, row, person, own) for name in place.columns if row[name] is not None}
    changed = {name: value for name, value in values.items() if value != row[name]}
    return Mention(place, row, changed) if own or changed or _is_theirs(place, row, person) else None


def _is_theirs(place: Place, row: Row, person: Person) -> bool:
    """Of a call that nobody knows the ends of any more, or that still goes on."""
    if Kind.STORY not in place.columns.values():
        return False
    call = decode_call(row["story"])
    return person.has_made(call) or (call.state is CallState.OPEN and _is_in(call, person))


def _is_in(call: Call, person: Person) -> bool:
    return person.has_made(call) or person.out_of_call(call) != call


def _cleaned(place: Place, name: str, row: Row, person: Person, own: bool) -> Any:
    old = row[name]
    match place.columns[name]:
        case Kind.OWN:
            return (None if place.table.c[name].nullable else ERASED) if own else old
        case Kind.PARTY:
            return ERASED if old and (own or old in person.words) else person.out_of(old, names=False)
        case Kind.STORY:
            return _story(old, person)
        case Kind.TEXT:
            return person.out_of(old)
        case Kind.DOCUMENT:
            return person.out_of_document(old, own=own)


def _story(story: str, person: Person) -> str:
    """Of a call that has ended: another goes on as it is."""
    call = decode_call(story)
    if call.state is CallState.OPEN:
        return story
    cleaned = person.out_of_call(call)
    return story if cleaned == call else encode_call(cleaned).decode()
