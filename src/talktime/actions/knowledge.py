"""Licences and number rows of the operator's own, over those that are shipped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from talktime.actions import audit, pool_sizes
from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.organizations import locked
from talktime.core.catalogue import CATALOGUE, Catalogue
from talktime.core.knowledge import Knowledge
from talktime.core.licence_rows import read_licences
from talktime.core.licence_terms import Licence
from talktime.core.licence_text import cells_of
from talktime.core.number_rows import NumberLine
from talktime.core.price_files import BadRows
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import SECOND
from talktime.storage import knowledge_store, user_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.knowledge_store import Cells

PATIENCE = 600 * SECOND
"""After so long whoever changed the catalogue is no longer at it."""
SHIPPED_CODES = frozenset(licence.code for licence in CATALOGUE)


def known(tx: ReadTx) -> Knowledge:
    """What is shipped, and the operator's own on top."""
    return knowledge_store.load(tx)


def catalogue(tx: ReadTx) -> Sequence[tuple[Licence, bool]]:
    """Each licence that there is, and whether it is the operator's own."""
    own = {line["code"] for line in knowledge_store.licence_lines(tx)}
    return [(licence, licence.code in own) for licence in knowledge_store.catalogue(tx)]


def replace_licences(database: Database, licences: Sequence[Licence], actor: Actor) -> None:
    """These instead of all that were the operator's own before. Pools follow, organization by organization."""
    before = database.read((), knowledge_store.catalogue)
    after = CATALOGUE.with_licences(licences)
    _check_not_needed(database, [licence.code for licence in before if licence.code not in after])

    database.write(OPERATOR_ORG, _write, licences, actor)

    _refit_all(database, _changed(before, after), actor)
    database.write((), knowledge_store.caught_up, actor.now)


def finish(database: Database, now: int) -> int:
    """Pools that a process left behind when it ended too early; how many organizations that was."""
    since = database.read((), knowledge_store.behind_since)
    if since is None or now - since < PATIENCE:
        return 0

    codes = [licence.code for licence in database.read((), knowledge_store.catalogue)]
    refitted = _refit_all(database, codes, Actor("", now))
    database.write((), knowledge_store.caught_up, since)
    return refitted


def _refit_all(database: Database, codes: Sequence[str], actor: Actor) -> int:
    org_ids = list(database.read(EVERYBODY, user_store.organizations_with, codes))
    for org_id in org_ids:
        database.write(org_id, _refit, org_id, actor)
    return len(org_ids)


def remove_licence(database: Database, code: str, actor: Actor) -> None:
    lines = database.read((), knowledge_store.licence_lines)
    rest = [line for line in lines if line["code"] != code]
    if len(rest) == len(lines):
        raise NotFound
    try:
        licences = read_licences(rest, SHIPPED_CODES)
    except BadRows as error:
        raise StateConflict("licence_is_named", None, licence=code) from error
    replace_licences(database, licences, actor)


def _check_not_needed(database: Database, codes: Sequence[str]) -> None:
    for held in database.read(EVERYBODY, user_store.organizations_with, codes).values():
        raise StateConflict("licence_in_use", held[0], licence=held[0])


def _write(tx: Tx, licences: Sequence[Licence], actor: Actor) -> None:
    old = knowledge_store.licence_lines(tx)
    new = [cells_of(licence) for licence in licences]
    knowledge_store.replace_licences(tx, new, actor.now)
    knowledge_store.mark_behind(tx, actor.now)
    audit.note(tx, OPERATOR_ORG, actor, "licence_catalogue.changed", "licence-catalogue", *map(_by_code, (old, new)))


def _by_code(lines: Iterable[Cells]) -> dict[str, Cells]:
    return {line["code"]: line for line in lines}


def _changed(before: Catalogue, after: Catalogue) -> list[str]:
    """Codes that mean something else, also because they include what does."""
    codes = {licence.code for one in (before, after) for licence in one}
    return sorted(code for code in codes if before.meant_by(code) != after.meant_by(code))


def _refit(tx: Tx, org_id: int, actor: Actor) -> None:
    pool_sizes.refit(tx, locked(tx, org_id), actor)


def replace_numbers(tx: Tx, lines: Sequence[NumberLine], actor: Actor) -> None:
    """These instead of all that were there before."""
    old = list(knowledge_store.number_lines(tx))
    knowledge_store.replace_numbers(tx, lines, actor.now)
    audit.note(tx, OPERATOR_ORG, actor, "number_rows.changed", "number-rows", old, number_rows(tx))


def number_rows(tx: ReadTx) -> list[Cells]:
    return list(knowledge_store.number_lines(tx))
