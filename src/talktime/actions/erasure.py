"""One person forgotten. What was paid and what adds up stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from talktime.actions import members, people
from talktime.actions.audit import Actor, note
from talktime.actions.errors import StateConflict
from talktime.actions.files_about import Files
from talktime.actions.persons import CannotErase, Known, Mention, Tell, mention, mentions, newer_mentions, silent
from talktime.actions.seal import Cause, Changing, Rows, check_seals, rewrite
from talktime.core.time import MINUTE
from talktime.storage import call_store, member_store, org_store, person_store, seal_store, user_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.person_store import LAST, PLACES, SEALED, Place
from talktime.storage.seal_store import COLUMNS, Chain, Damaged

ERASED_PERSON = "person.erased"
PASSES_MAX = 10
LATE = 5 * MINUTE
"""A call may be told when it has ended, of the instant when it began; and clocks of servers differ a little."""
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


class Last(NamedTuple):
    """What is done in the last step."""

    since: int
    """From when on calls may have brought something that nobody has looked at."""
    mentions: Sequence[Mention]


@contextmanager
def in_words() -> Iterator[None]:
    """What stands in the way, as a sentence."""
    try:
        yield
    except StateConflict as error:
        raise CannotErase(LAST_ADMINISTRATOR if error.code == "last_administrator" else error.code) from error
    except Damaged as error:
        raise CannotErase(str(error)) from error
    except Changing as error:
        raise CannotErase(CHANGING) from error


@in_words()
def check(database: Database, org_id: int, known: Known, tell: Tell = silent) -> None:
    """CannotErase says why it cannot be done: who nobody else could do without, or a broken seal."""
    for member in known.members:
        database.read(org_id, members.check_may_go, org_id, member)
    for place in SEALED:
        check_seals(database, org_id, Chain(place.table.name), _changed_in(org_id, place, known, tell), tell)


@in_words()
def erase(database: Database, org_id: int, known: Known, actor: Actor, files: Files, tell: Tell = silent) -> Erased:
    """Whoever is interrupted begins again: only the last step makes it unknown who it was."""
    check(database, org_id, known, tell)
    database.write(org_id, remove, org_id, known, actor)
    done, last = Erased(), Last(0, ())
    _forget_in_places(database, org_id, known, actor, done, tell)
    done.files = files.forget(database, org_id, known.person)
    # Until the last call has ended it must be known whom it is about.
    if not done.in_progress:
        _forget_in_seals(database, org_id, known, actor, done, tell)
        last = _last_look(database, org_id, known, actor, done, tell)
    database.write(org_id, _end, org_id, known, last, done, actor, files)
    return done


def remove(tx: Tx, org_id: int, known: Known, actor: Actor) -> None:
    """Nobody calls or signs in any more who is to be forgotten. Somebody else may have done it just now."""
    org_store.lock(tx, org_id)
    for user in known.users:
        if user_store.find(tx, org_id, user.user_id):
            people.remove(tx, org_id, user.user_id, actor)
    for member in known.members:
        there = member_store.find(tx, org_id, member.member_id)
        if there and there.is_there:
            members.remove(tx, org_id, member.member_id, actor)


def _forget_in_places(database: Database, org_id: int, known: Known, actor: Actor, done: Erased, tell: Tell) -> int:
    """Again and again, since others write meanwhile: until there is nothing left to change. From when on calls may
    have brought something behind the last look."""
    for _ in range(PASSES_MAX):
        since = database.read(org_id, _recently, org_id, actor.now)
        found = 0
        done.in_progress = 0
        for one in mentions(database, org_id, known.person, tell, PLACES):
            found += one.changes
            done.in_progress += one.goes_on
            if one.changes and database.write(org_id, _forget, org_id, one):
                done.rows[one.place.table.name] += 1
        if not found or done.in_progress:
            return since
    raise CannotErase(CHANGING)


def _recently(tx: ReadTx, org_id: int, now: int) -> int:
    """By the clock that dates calls: an organization may have one of its own."""
    return min(now, call_store.newest_at(tx, org_id)) - LATE


def _forget(tx: Tx, org_id: int, one: Mention) -> bool:
    """False: somebody has changed the row meanwhile."""
    if one.place.goes:
        return person_store.take_away(tx, org_id, one.place, one.row)
    return person_store.put(tx, org_id, one.place, one.row, person_store.noticed(one.place, one.row, one.values))


def _forget_in_seals(database: Database, org_id: int, known: Known, actor: Actor, done: Erased, tell: Tell) -> None:
    cause = Cause(actor, ERASED_PERSON, _named(known))
    for place in SEALED:
        changed = _changed_in(org_id, place, known, tell)
        if rows := rewrite(database, org_id, Chain(place.table.name), changed, cause, tell):
            done.rows[place.table.name] = rows


def _last_look(database: Database, org_id: int, known: Known, actor: Actor, done: Erased, tell: Tell) -> Last:
    """Files and seals took their time, and others went on. What is left to change after that says who it was."""
    since = _forget_in_places(database, org_id, known, actor, done, tell)
    return Last(since, [one for one in mentions(database, org_id, known.person, tell, LAST) if one.changes])


def _changed_in(org_id: int, place: Place, known: Known, tell: Tell) -> Callable[[ReadTx], Rows]:
    chain, person = Chain(place.table.name), known.person
    names = [column.name for column in COLUMNS[chain]]

    def changed(tx: ReadTx) -> Rows:
        rows = (dict(zip(names, row, strict=True)) for row in seal_store.numbered(tx, org_id, chain, tell))
        found = (mention(place, row, person) for row in rows)
        return {one.row[names[0]]: tuple((one.row | one.values).values()) for one in found if one and one.values}

    return changed


def _named(known: Known) -> str:
    return ",".join(known.ids)


def _end(tx: Tx, org_id: int, known: Known, last: Last, done: Erased, actor: Actor, files: Files) -> None:
    """In one step, so that nothing of it is missing where nobody is known any more who could be forgotten again."""
    # What calls write at this moment is there before, or comes when there is nobody any more.
    org_store.lock(tx, org_id)
    if not done.in_progress:
        _forget_last(tx, org_id, known, last, done)
    if not done.in_progress:
        files.make_anew(tx, org_id)
    person_store.cancel_letters_to_nobody(tx, org_id, actor.now)
    told = {"rows": dict(done.rows), "calls_in_progress": done.in_progress}
    note(tx, org_id, actor, ERASED_PERSON, _named(known), None, told)


def _forget_last(tx: Tx, org_id: int, known: Known, last: Last, done: Erased) -> None:
    newer = newer_mentions(tx, org_id, known.person, last.since)
    done.in_progress = sum(one.goes_on for one in newer)
    if done.in_progress:
        return
    left = [one for one in (*newer, *last.mentions) if one.changes]
    if not all(_forget(tx, org_id, one) for one in left):
        raise CannotErase(CHANGING)
    done.rows.update(one.place.table.name for one in left)
