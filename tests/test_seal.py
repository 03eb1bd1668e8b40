"""Sealing runs behind: in order, without gaps, by anybody, and never over damage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from talktime.actions import seal
from talktime.actions.audit import Actor, note
from talktime.actions.seal import TRIES_MAX, Cause, Changing, rewrite, seal_all, seal_organization
from talktime.actions.upkeep import Stopped
from talktime.storage import seal_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.seal_store import Chain, Gap, Seal
from talktime.storage.verify import verify
from tests.charging.books import Books, Empty
from tests.core.switch import NOW, lot
from tests.support.postgres import Cluster


@pytest.fixture(scope="module")
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    folder = tmp_path_factory.mktemp("empty")
    with closing(Empty(folder, lambda: cast(Cluster, request.getfixturevalue("postgres")))) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, empty: Empty, tmp_path: Path) -> Iterator[Books]:
    with empty.books_on(request.param, tmp_path) as made:
        made.organization(lot("lot1", "10"))
        for number in range(5):
            made.record(f"c{number}", 30)
        yield made


def seals(tx: ReadTx, org_id: int = 1) -> list[tuple[str, int]]:
    rows = tx.execute(select(t.seals.c.chain, t.seals.c.through_no).where(t.seals.c.org_id == org_id))
    return sorted((chain, number) for chain, number in rows)


def seal_everything(books: Books) -> int:
    return seal_all(books.database, lambda: NOW)


def test_all_is_sealed_once(books: Books) -> None:
    books.database.write(1, lambda tx: note(tx, 1, Actor("key_1", NOW), "a", "b"))
    assert seal_everything(books) == 2
    assert books.database.read(1, seals) == [("audit", 1), ("entries", 6)]
    assert verify(books.database).unsealed == 0
    assert seal_everything(books) == 0


def test_it_goes_on_where_it_ended(books: Books) -> None:
    seal_everything(books)
    books.record("c9", 30)
    assert verify(books.database).unsealed == 1
    assert seal_everything(books) == 1
    assert books.database.read(1, seals) == [("entries", 6), ("entries", 7)]
    assert verify(books.database).clean


def test_much_is_sealed_in_portions(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "ROWS_MAX", 2)
    monkeypatch.setattr(seal, "ORGANIZATIONS_MAX", 1)
    books.organization(lot("lot9", "1"), org_id=2)
    assert seal_everything(books) == 4
    assert books.database.read(1, seals) == [("entries", 2), ("entries", 4), ("entries", 6)]
    assert verify(books.database).clean


def test_it_stops_when_the_process_ends(books: Books) -> None:
    assert seal_all(books.database, lambda: NOW, stop=lambda: True) == 0


def test_two_that_seal_at_once_agree(books: Books) -> None:
    begun = books.database.read(1, seal_store.next_seal, 1, Chain.ENTRIES, 3)
    assert begun
    assert seal_organization(books.database, 1, Chain.ENTRIES, NOW)
    # The slower of two comes after the quicker, with less or with the same.
    for late in (begun, books.database.read(1, seal_store.last, 1, Chain.ENTRIES)):

        def add(tx: Tx, made: Seal = late) -> None:
            seal_store.add(tx, 1, Chain.ENTRIES, made, NOW)

        books.database.write(1, add)
    assert books.database.read(1, seals) == [("entries", 3), ("entries", 6)]
    assert verify(books.database).clean


def test_nothing_is_sealed_over_a_gap(books: Books) -> None:
    def leave_out(tx: Tx) -> None:
        mine = t.accounts.c.org_id == 1
        tx.execute(t.accounts.update().where(mine).values(last_entry_no=t.accounts.c.last_entry_no + 1))

    books.database.write(1, leave_out)
    # `record` looks through the books after each command, so the engine is asked itself.
    books.engine.run([books.recording("c9", 30)])
    heard: list[Gap] = []
    assert seal_all(books.database, lambda: NOW, tell=heard.append) == 0
    assert "without gaps" in str(heard[0])
    assert seal_everything(books) == 0
    assert books.database.read(1, seals) == []


def test_what_others_add_to_without_a_pause_is_not_rewritten_for_ever(books: Books) -> None:
    add_line(books, "first")
    tries: list[int] = []

    def changed(tx: ReadTx) -> dict[int, Any]:
        tries.append(1)
        found = first_erased(tx)
        add_line(books, "one more")
        return found

    with pytest.raises(Changing, match=r"audit of org_1 change without a pause"):
        rewrite(books.database, 1, Chain.AUDIT, changed, CAUSE)
    assert len(tries) == TRIES_MAX
    assert books.database.read(1, seals) == []


def test_a_rewriting_says_how_far_it_is_and_can_be_stopped(books: Books) -> None:
    add_line(books, "first")
    seal_everything(books)

    def stop(rows: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        rewrite(books.database, 1, Chain.AUDIT, first_erased, CAUSE, stop)
    told: list[int] = []
    assert rewrite(books.database, 1, Chain.AUDIT, first_erased, CAUSE, told.append) == 1
    assert told == [1]
    assert verify(books.database).clean


CAUSE = Cause(Actor("key_1", NOW), "person.erased", "usr_ann")


def first_erased(tx: ReadTx) -> dict[int, Any]:
    return {1: (*next(seal_store.numbered(tx, 1, Chain.AUDIT))[:-1], '"erased"')}


def add_line(books: Books, what: str) -> None:
    books.database.write(1, note, 1, Actor("key_1", NOW), "a", what, None, what)


def test_no_two_chains_begin_alike() -> None:
    begun = {seal_store.unsealed(org_id, chain).digest for org_id in (1, 2) for chain in Chain}
    assert len(begun) == 4
