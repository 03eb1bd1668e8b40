"""One person's data: all of it told, or all of it forgotten. What was paid and what adds up stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import members, people
from talktime.actions.audit import Actor, note
from talktime.actions.errors import NotFound
from talktime.actions.exports import EXPORT
from talktime.actions.seal import Cause, rewrite
from talktime.core.calls import CallState
from talktime.core.persons import ERASED, Person
from talktime.storage import delivery_store, job_store, member_store, person_store, seal_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import MemberRow
from talktime.storage.person_store import EVERYWHERE, LAST, PLACES, SEALED, Kind, Place, story_values
from talktime.storage.seal_store import COLUMNS, Chain
from talktime.storage.store import decode_call, encode_call
from talktime.storage.user_store import UserRow

SLICE = 500
"""Rows that are read at once. Each is changed by itself, so nobody waits for long."""
CALLED = ("name", "sign_in_name", "number", "email")
Row = dict[str, Any]
Somebody = UserRow | MemberRow
Tell = Callable[[int], None]
ERASED_PERSON = "person.erased"


def silent(rows: int) -> None:
    """For those who do not watch."""


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
    """All who were removed by then and are not forgotten yet."""
    gone = [one for one in _everybody(tx, org_id) if one.removed_at and one.removed_at <= before]
    meant = [one for one in gone if one.name != ERASED]
    return _known(tx, org_id, meant) if meant else None


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
    told = person_store.told_of(tx, org_id, known.ids)
    earlier = {word for text in told for word in _called(msgspec.json.decode(text))}
    # A number or an address that was free again may be somebody else's now.
    there = [one for one in _everybody(tx, org_id) if one not in meant and one.removed_at is None]
    taken = {word for one in there for word in (_address(one), getattr(one, "number", None))}
    return replace(known, words=frozenset((now | earlier) - taken))


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


def mentions(
    database: Database, org_id: int, person: Person, tell: Tell = silent, places: Sequence[Place] = EVERYWHERE
) -> Iterator[Mention]:
    """Row by row, wherever people stand, from one slice to the next: nothing is held meanwhile."""
    for place in places:
        for rows in _slices(database, org_id, place):
            yield from (one for row in rows if (one := _mention(place, row, person)))
            tell(len(rows))


def _slices(database: Database, org_id: int, place: Place) -> Iterator[Sequence[Row]]:
    after: list[Any] = []
    while rows := database.read(org_id, person_store.some, org_id, place, after, SLICE):
        yield rows
        after = [rows[-1][column.name] for column in place.key]
        if not after or len(rows) < SLICE:
            return


def _mention(place: Place, row: Row, person: Person) -> Mention | None:
    own = place.whose is not None and row[place.whose] in person.ids
    values = {name: _cleaned(place, name, row, person, own) for name in place.columns if row[name] is not None}
    changed = {name: value for name, value in values.items() if value != row[name]}
    return Mention(place, row, changed) if own or changed or _is_theirs(place, row, person) else None


def _is_theirs(place: Place, row: Row, person: Person) -> bool:
    """Of a call that nobody knows the ends of any more, or that still goes on."""
    if Kind.STORY not in place.columns.values():
        return False
    call = decode_call(row["story"])
    return person.has_made(call) or (call.state is CallState.OPEN and person.out_of_call(call) != call)


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


# ---------------------------------------------------------------- forgotten


@dataclass
class Erased:
    """How many rows of each table were changed or deleted."""

    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0
    in_progress: int = 0
    """Calls that still go on: when they have ended it has to be done again."""


def remove(tx: Tx, org_id: int, known: Known, actor: Actor) -> None:
    """Nobody calls or signs in any more who is to be forgotten."""
    for user in known.users:
        if user.removed_at is None:
            people.remove(tx, org_id, user.user_id, actor)
    for member in known.members:
        if member.is_there:
            members.remove(tx, org_id, member.member_id, actor)


def erase(database: Database, org_id: int, known: Known, actor: Actor, tell: Tell = silent) -> Erased:
    """Whoever is interrupted begins again: what is done is left as it is."""
    database.write(org_id, remove, org_id, known, actor)
    done = Erased()
    _forget_in(database, org_id, known.person, PLACES, done, tell)
    # Until the last call has ended it must be known whom it is about.
    if not done.in_progress:
        _forget_who(database, org_id, known, actor, done, tell)
    database.write(org_id, _end, org_id, known, done, actor)
    return done


def _forget_who(database: Database, org_id: int, known: Known, actor: Actor, done: Erased, tell: Tell) -> None:
    for place in SEALED:
        if rows := _rewrite(database, org_id, place, known, actor):
            done.rows[place.table.name] = rows
    _forget_in(database, org_id, known.person, LAST, done, tell)


def _forget_in(
    database: Database, org_id: int, person: Person, places: Sequence[Place], done: Erased, tell: Tell
) -> None:
    for one in mentions(database, org_id, person, tell, places):
        if database.write(org_id, _forget, org_id, one):
            done.rows[one.place.table.name] += 1
        done.in_progress += _goes_on(one)


def _forget(tx: Tx, org_id: int, one: Mention) -> bool:
    if one.place.goes:
        return person_store.take_away(tx, org_id, one.place, one.row)
    return bool(one.values) and person_store.put(tx, org_id, one.place, one.row, _with_version(one))


def _with_version(one: Mention) -> dict[str, Any]:
    story = one.values.get("story")
    return one.values if story is None else story_values(decode_call(story))


def _goes_on(one: Mention) -> bool:
    return "due_at" in one.row and "story" in one.row and one.row["due_at"] is not None


def _rewrite(database: Database, org_id: int, place: Place, known: Known, actor: Actor) -> int:
    chain, person = Chain(place.table.name), known.person
    names = [column.name for column in COLUMNS[chain]]

    def changed(tx: ReadTx) -> dict[int, Sequence[Any]]:
        rows = (dict(zip(names, row, strict=True)) for row in seal_store.numbered(tx, org_id, chain))
        found = (_mention(place, row, person) for row in rows)
        return {one.row[names[0]]: tuple((one.row | one.values).values()) for one in found if one and one.values}

    return rewrite(database, org_id, chain, changed, Cause(actor, ERASED_PERSON, _named(known)))


def _named(known: Known) -> str:
    return ",".join(known.ids)


def _end(tx: Tx, org_id: int, known: Known, done: Erased, actor: Actor) -> None:
    person_store.cancel_letters_to_nobody(tx, org_id, actor.now)
    told = {"rows": dict(done.rows), "calls_in_progress": done.in_progress}
    note(tx, org_id, actor, ERASED_PERSON, _named(known), None, told)


def erase_files(database: Database, org_id: int, known: Known, outbox: Path, exports: Path) -> int:
    """Letters to the person that became files, and all exports of the organization: they can be made again."""
    letters = database.read(org_id, _letters, org_id, known.person, outbox)
    for path in letters:
        path.unlink(missing_ok=True)
    made = database.write(org_id, _without_exports, org_id)
    for name in made:
        (exports / name).unlink(missing_ok=True)
    return len(letters) + len(made)


def _letters(tx: ReadTx, org_id: int, person: Person, outbox: Path) -> list[Path]:
    """Each is named by its delivery; of another organization it is none of ours."""
    found = (path for path in sorted(outbox.glob("*.eml")) if delivery_store.find(tx, org_id, path.stem))
    return [path for path in found if person.is_told_in(_read(path))]


def _read(path: Path) -> str:
    """A letter as it is read, whatever it is encoded in."""
    letter = message_from_bytes(path.read_bytes(), policy=policy.default)
    parts = [str(part.get_content()) for part in letter.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*(str(value) for value in letter.values()), *parts])


def _without_exports(tx: Tx, org_id: int) -> list[str]:
    """The names of their files."""
    made = job_store.finished(tx, org_id, EXPORT)
    for job in made:
        job_store.remove(tx, org_id, job.job_id)
    return [job.filename for job in made if job.filename]
