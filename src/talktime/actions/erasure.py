"""One person forgotten. What was paid and what adds up stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from talktime.actions import members, people
from talktime.actions.audit import Actor, note
from talktime.actions.errors import StateConflict
from talktime.actions.files_about import Files
from talktime.actions.persons import CannotErase, Known, Mention, Tell, mention, mentions, silent
from talktime.actions.seal import Cause, Rows, check_seals, rewrite
from talktime.storage import person_store, seal_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.person_store import LAST, PLACES, SEALED, Place
from talktime.storage.seal_store import COLUMNS, Chain, Damaged

ERASED_PERSON = "person.erased"
PASSES_MAX = 10
CHANGING = "others write about this person without a pause: run it again in a while"
LAST_ADMINISTRATOR = (
    "this is the last global administrator of the organization, and cannot be removed: make somebody else one first"
)


@dataclass
class Erased:
    """How many rows of each table were changed or deleted."""

    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0
    in_progress: int = 0
    """Calls that still go on: when they have ended it has to be done again."""


@contextmanager
def in_words() -> Iterator[None]:
    """What stands in the way, as a sentence."""
    try:
        yield
    except StateConflict as error:
        raise CannotErase(LAST_ADMINISTRATOR if error.code == "last_administrator" else error.code) from error
    except Damaged as error:
        raise CannotErase(str(error)) from error


@in_words()
def check(database: Database, org_id: int, known: Known) -> None:
    """CannotErase says why it cannot be done: who nobody else could do without, or a broken seal."""
    for member in known.members:
        database.read(org_id, members.check_may_go, org_id, member)
    for place in SEALED:
        check_seals(database, org_id, Chain(place.table.name), _changed_in(org_id, place, known))


@in_words()
def erase(database: Database, org_id: int, known: Known, actor: Actor, files: Files, tell: Tell = silent) -> Erased:
    """Whoever is interrupted begins again: only the last step makes it unknown who it was."""
    check(database, org_id, known)
    database.write(org_id, remove, org_id, known, actor)
    done = Erased()
    _forget_in_places(database, org_id, known, done, tell)
    done.files = files.forget(database, org_id, known.person)
    # Until the last call has ended it must be known whom it is about.
    last = [] if done.in_progress else _forget_in_seals(database, org_id, known, actor, done, tell)
    done.rows.update(one.place.table.name for one in last)
    database.write(org_id, _end, org_id, known, last, done, actor)
    return done


def remove(tx: Tx, org_id: int, known: Known, actor: Actor) -> None:
    """Nobody calls or signs in any more who is to be forgotten."""
    for user in known.users:
        if user.removed_at is None:
            people.remove(tx, org_id, user.user_id, actor)
    for member in known.members:
        if member.is_there:
            members.remove(tx, org_id, member.member_id, actor)


def _forget_in_places(database: Database, org_id: int, known: Known, done: Erased, tell: Tell) -> None:
    """Again and again, since others write meanwhile: until there is nothing left to change."""
    for _ in range(PASSES_MAX):
        found = 0
        done.in_progress = 0
        for one in mentions(database, org_id, known.person, tell, PLACES):
            found += one.changes
            done.in_progress += one.goes_on
            if one.changes and database.write(org_id, _forget, org_id, one):
                done.rows[one.place.table.name] += 1
        if not found or done.in_progress:
            return
    raise CannotErase(CHANGING)


def _forget(tx: Tx, org_id: int, one: Mention) -> bool:
    """False: somebody has changed the row meanwhile."""
    if one.place.goes:
        return person_store.take_away(tx, org_id, one.place, one.row)
    return person_store.put(tx, org_id, one.place, one.row, person_store.noticed(one.place, one.row, one.values))


def _forget_in_seals(
    database: Database, org_id: int, known: Known, actor: Actor, done: Erased, tell: Tell
) -> list[Mention]:
    """What is left to change after that says who it was."""
    for place in SEALED:
        if rows := _rewrite(database, org_id, place, known, actor):
            done.rows[place.table.name] = rows
    return [one for one in mentions(database, org_id, known.person, tell, LAST) if one.changes]


def _rewrite(database: Database, org_id: int, place: Place, known: Known, actor: Actor) -> int:
    cause = Cause(actor, ERASED_PERSON, _named(known))
    return rewrite(database, org_id, Chain(place.table.name), _changed_in(org_id, place, known), cause)


def _changed_in(org_id: int, place: Place, known: Known) -> Callable[[ReadTx], Rows]:
    chain, person = Chain(place.table.name), known.person
    names = [column.name for column in COLUMNS[chain]]

    def changed(tx: ReadTx) -> Rows:
        rows = (dict(zip(names, row, strict=True)) for row in seal_store.numbered(tx, org_id, chain))
        found = (mention(place, row, person) for row in rows)
        return {one.row[names[0]]: tuple((one.row | one.values).values()) for one in found if one and one.values}

    return changed


def _named(known: Known) -> str:
    return ",".join(known.ids)


def _end(tx: Tx, org_id: int, known: Known, last: Sequence[Mention], done: Erased, actor: Actor) -> None:
    """In one step, so that nothing of it is missing where nobody is known any more who could be forgotten again."""
    if not all(_forget(tx, org_id, one) for one in last):
        raise CannotErase(CHANGING)
    person_store.cancel_letters_to_nobody(tx, org_id, actor.now)
    told = {"rows": dict(done.rows), "calls_in_progress": done.in_progress}
    note(tx, org_id, actor, ERASED_PERSON, _named(known), None, told)
