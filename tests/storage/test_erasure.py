"""Forgetting somebody while others write, and again after an interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select, update

from talktime.actions import deliveries, jobs, members, people, persons
from talktime.actions.audit import note
from talktime.actions.erasure import PASSES_MAX, erase
from talktime.actions.exports import EXPORT
from talktime.actions.files_about import Files
from talktime.actions.notices import MailBody
from talktime.actions.persons import CannotErase
from talktime.notifications.outcomes import Fate, Outcome
from talktime.storage import delivery_store, job_store, person_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.delivery_store import EMAIL as MAIL
from talktime.storage.delivery_store import WAITING, DeliveryRow
from talktime.storage.job_store import DONE, JobRow
from talktime.storage.job_store import WAITING as JOB_WAITING
from talktime.storage.person_store import PLACES, Place
from talktime.storage.walls import opened
from tests.core.switch import NOW
from tests.storage.shop import BOSS, Shop
from tests.storage.test_persons import EMAIL, LATER, NAME, NO_FILES, NUMBER, erased, everything, found_in, planted

OTHER = "billing@example.com"
LETTER = DeliveryRow(
    org_id=1,
    delivery_id="del_q",
    notice_id="ntc_q",
    channel=MAIL,
    target="",
    event="user_blocked",
    recipients=f'["{OTHER}","{EMAIL}"]',
    language="en",
    body=msgspec.json.encode(MailBody({"user": EMAIL})).decode(),
    state=WAITING,
    created_at=NOW,
    due_at=NOW,
)
MADE = JobRow(1, "job_q", EXPORT, DONE, "{}", "key_boss", 1, 1, "job_q.csv", None, NOW, None, NOW)


def left(shop: Shop) -> list[str]:
    return [line for line in shop.database.read(EVERYBODY, everything).splitlines() if found_in(line)]


def with_files(shop: Shop, folder: Path) -> Files:
    """A letter to her, one to somebody else, one of another organization, and an export."""
    shop.database.write(1, delivery_store.add, [LETTER, replace(LETTER, delivery_id="del_r", notice_id="ntc_r")])
    shop.database.write(1, job_store.add, MADE)
    files = Files(folder / "outbox", folder / "exports")
    for path in (files.outbox, folder / "exports"):
        path.mkdir(parents=True)
    for name, to in (("del_q", EMAIL), ("del_r", OTHER), ("del_of_another", EMAIL)):
        (files.outbox / f"{name}.eml").write_text(f"To: {to}\n\nHello")
    (folder / "exports" / "job_q.csv").write_text(NAME)
    return files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.*"))


# ---------------------------------------------------------------- interrupted


def test_wherever_it_is_interrupted_it_is_done_again_by_the_same_words(
    sqlite_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = planted(sqlite_shop)
    files = with_files(sqlite_shop, tmp_path / "files")
    with interrupted_after(3, sqlite_shop.database, monkeypatch) as begin_again:
        attempts = 0
        while not is_through(sqlite_shop, org_id, files):
            attempts += 1
            begin_again()
    assert attempts > 5
    assert left(sqlite_shop) == []
    assert names(tmp_path / "files") == ["del_of_another.eml", "del_r.eml"]


def is_through(shop: Shop, org_id: int, files: Files) -> bool:
    try:
        erased(shop, org_id, EMAIL, files)
    except KeyboardInterrupt:
        return False
    return True


@contextmanager
def interrupted_after(steps: int, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """So many rows or files may be changed at once; what is given begins to count anew."""
    write, unlink, done = database.write, Path.unlink, 0

    def begin_again() -> None:
        nonlocal done
        done = 0

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done > steps:
                raise KeyboardInterrupt
            return step(*args, **kwargs)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", counted(write))
        patch.setattr(Path, "unlink", counted(unlink))
        yield begin_again


def test_a_letter_that_cannot_be_read_is_named_and_nothing_is_lost_by_it(sqlite_shop: Shop, tmp_path: Path) -> None:
    org_id = planted(sqlite_shop)
    files = with_files(sqlite_shop, tmp_path / "files")
    odd = files.outbox / "del_r.eml"
    odd.write_text("Content-Type: text/plain; charset=nonsense\n\nHello")
    with pytest.raises(CannotErase, match=r"del_r\.eml cannot be read"):
        erased(sqlite_shop, org_id, EMAIL, files)
    odd.unlink()
    erased(sqlite_shop, org_id, EMAIL, files)
    assert left(sqlite_shop) == []
    assert names(tmp_path / "files") == ["del_of_another.eml"]


# ---------------------------------------------------------------- beside others


def test_a_mail_that_is_being_tried_brings_nothing_back(shop: Shop) -> None:
    org_id = planted(shop)
    shop.database.write(org_id, delivery_store.add, [LETTER])
    assert shop.database.write(org_id, delivery_store.claim, LETTER, NOW + 1)
    erased(shop, org_id)
    failed = Outcome(Fate.AGAIN, error=f"{EMAIL} is not here", left=(EMAIL,))
    shop.database.write(org_id, deliveries.note, LETTER, failed, NOW + 1)
    assert left(shop) == []
    row = shop.database.read(org_id, delivery_store.find, org_id, "del_q")
    assert row and (row.told, row.due_at) == ([OTHER], NOW + 1)


def test_a_mail_that_somebody_is_about_to_try_is_tried_as_it_is_afterwards(sqlite_shop: Shop) -> None:
    org_id = planted(sqlite_shop)
    sqlite_shop.database.write(org_id, delivery_store.add, [LETTER])
    erased(sqlite_shop, org_id)
    assert not sqlite_shop.database.write(org_id, delivery_store.claim, LETTER, NOW + 1)


def test_what_is_written_behind_the_look_is_found_by_the_next(shop: Shop) -> None:
    org_id = planted(shop)
    known = shop.database.read(org_id, persons.find, org_id, EMAIL)
    first_look: list[int] = []
    list(persons.mentions(shop.database, org_id, known.person, first_look.append, PLACES))
    looks = count(1)

    def tell(rows: int) -> None:
        if next(looks) == len(first_look):
            shop.database.write(org_id, complain, org_id, "adj_new")

    erase(shop.database, org_id, known, LATER, NO_FILES, tell)
    assert left(shop) == []


def complain(tx: Tx, org_id: int, adjustment_id: str) -> None:
    row = dict(tx.execute(select(t.adjustments).where(t.adjustments.c.org_id == org_id).limit(1)).mappings().one())
    tx.execute(insert(t.adjustments), row | {"adjustment_id": adjustment_id, "reason": f"{NAME} was charged twice"})


def test_a_row_that_somebody_changes_at_the_same_moment_is_forgotten_all_the_same(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = planted(sqlite_shop)
    with changed_meanwhile(1, monkeypatch):
        erased(sqlite_shop, org_id)
    assert left(sqlite_shop) == []


def test_where_others_write_without_a_pause_nobody_is_said_to_be_forgotten(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = planted(sqlite_shop)
    with changed_meanwhile(PASSES_MAX, monkeypatch), pytest.raises(CannotErase, match="without a pause"):
        erased(sqlite_shop, org_id)
    erased(sqlite_shop, org_id)
    assert left(sqlite_shop) == []


@contextmanager
def changed_meanwhile(times: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody is quicker at the adjustments."""
    put, changes = person_store.put, iter(range(times))

    def put_later(tx: Tx, org_id: int, place: Any, row: Any, values: Any) -> bool:
        if place.table is t.adjustments and (number := next(changes, None)) is not None:
            mine = t.adjustments.c.org_id == org_id
            tx.execute(update(t.adjustments).where(mine).values(reason=f"{NAME} complained, {number}"))
        return put(tx, org_id, place, row, values)

    with monkeypatch.context() as patch:
        patch.setattr(person_store, "put", put_later)
        yield


def test_a_call_that_comes_and_ends_at_the_last_moment_is_forgotten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = planted(shop)
    phone = shop.phone(org_id)

    def call() -> None:
        phone.authorize("q9", to=NUMBER)
        phone.settle("q9", 61)

    with at_the_last_moment(call, monkeypatch):
        assert erased(shop, org_id).in_progress == 0
    assert left(shop) == []
    assert shop.problems() == []


def test_whoever_is_called_at_the_last_moment_is_known_until_the_call_has_ended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = planted(shop)
    phone = shop.phone(org_id)
    with at_the_last_moment(lambda: phone.authorize("q9", to=NUMBER), monkeypatch):
        assert erased(shop, org_id).in_progress == 1
    phone.settle("q9", 61)
    assert erased(shop, org_id).in_progress == 0
    assert left(shop) == []
    assert shop.problems() == []


@contextmanager
def at_the_last_moment(do: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """When everything was looked through but the rows that say who it is."""
    some, once = person_store.some, iter([do])

    def some_later(tx: ReadTx, org_id: int, place: Place, *more: Any) -> Any:
        if place.table is t.users and (act := next(once, None)):
            act()
        return some(tx, org_id, place, *more)

    with monkeypatch.context() as patch:
        patch.setattr(person_store, "some", some_later)
        yield
    assert next(once, None) is None


def test_who_is_removed_after_the_look_is_forgotten_all_the_same(shop: Shop) -> None:
    org_id = planted(shop)
    known = shop.database.read(org_id, persons.find, org_id, EMAIL)
    shop.database.write(org_id, people.remove, org_id, "usr_que", BOSS)
    shop.database.write(org_id, members.remove, org_id, "mem_que", BOSS)
    erase(shop.database, org_id, known, LATER, NO_FILES)
    assert left(shop) == []


def test_an_audit_log_that_grows_without_a_pause_is_said(sqlite_shop: Shop) -> None:
    org_id = planted(sqlite_shop)
    known = sqlite_shop.database.read(org_id, persons.find, org_id, EMAIL)

    def grow(rows: int) -> None:
        sqlite_shop.database.write(org_id, note, org_id, BOSS, "something.changed", "something")

    with pytest.raises(CannotErase, match="without a pause"):
        erase(sqlite_shop.database, org_id, known, LATER, NO_FILES, grow)
    erased(sqlite_shop, org_id)
    assert left(sqlite_shop) == []


def test_exports_that_are_made_meanwhile_begin_anew(shop: Shop, tmp_path: Path) -> None:
    org_id = planted(shop)
    files = Files(tmp_path / "outbox", tmp_path / "exports")
    shop.database.write(org_id, job_store.add, replace(MADE, state=JOB_WAITING, filename=None, ended_at=None))
    work = jobs.taken(shop.database, MADE, NOW)
    assert work
    erased(shop, org_id, EMAIL, files)
    with pytest.raises(jobs.TakenOver):
        work.end("job_q.csv", NOW)
    assert [job.job_id for job in jobs.to_do(shop.database, EXPORT, NOW)] == ["job_q"]


# ---------------------------------------------------------------- what stands in the way


def test_a_broken_seal_is_told_before_anything_is_changed(shop: Shop) -> None:
    org_id = planted(shop)
    damage(shop, org_id)
    before = shop.database.read(EVERYBODY, everything)
    with pytest.raises(CannotErase, match="run talktime verify"):
        erased(shop, org_id)
    assert shop.database.read(EVERYBODY, everything) == before


def damage(shop: Shop, org_id: int) -> None:
    """Somebody who may do anything in the database writes into the audit log."""

    def tamper(tx: Tx) -> None:
        with opened(tx, "audit"):
            tx.execute(update(t.audit).where(t.audit.c.org_id == org_id).values(actor="nobody"))

    shop.database.write(org_id, tamper)
