"""What is older than it is to be kept goes, and every sum stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import func, select, update

from talktime.actions import members, people, persons
from talktime.actions.audit import Actor
from talktime.actions.erasure import erase
from talktime.actions.retention import NotEverywhere, Rules, forget, forget_letters, preview
from talktime.actions.seal import seal_all
from talktime.actions.upkeep import Stopped
from talktime.core.retention import LEAST, USUAL, Kept, rules_from
from talktime.core.time import DAY
from talktime.settings import SettingsError, load
from talktime.storage import retention_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from tests.core.switch import NOW
from tests.storage.conftest import Maker
from tests.storage.shop import ANN, BOSS, Shop
from tests.storage.test_erasure import complain, damage, left, names, with_files
from tests.storage.test_persons import (
    CALLED,
    EMAIL,
    FORMER,
    FORMER_EMAIL,
    MARRIED,
    NAME,
    NO_FILES,
    NUMBER,
    everything,
    figures,
    in_files,
    planted,
    problems,
)

EVERYTHING = dict(LEAST)
LATER = NOW + 400 * DAY


def rows(shop: Shop) -> dict[Kept, int]:
    return {one.kind: one.counted.rows for one in preview(shop.database, EVERYTHING, LATER)}


def forgotten(shop: Shop, rules: Rules, outbox: Path = Path("there-is-none")) -> dict[Kept, int]:
    return forget(shop.database, rules, LATER, outbox)


def sent(tx: Tx, org_id: int) -> None:
    """Everything that was waiting."""
    tx.execute(update(t.deliveries).where(t.deliveries.c.org_id == org_id).values(due_at=None, ended_at=NOW))


def test_what_is_old_goes_and_every_sum_stays(shop: Shop) -> None:
    org_id = planted(shop)
    shop.database.write(org_id, people.remove, org_id, "usr_que", Actor("key_boss", NOW))
    shop.database.write(org_id, sent, org_id)
    sums, told = shop.database.read(EVERYBODY, figures), rows(shop)
    assert all(told.values())

    done = forgotten(shop, EVERYTHING)

    assert all(done.values())
    assert rows(shop) == dict.fromkeys(Kept, 0)
    assert shop.database.read(EVERYBODY, figures) == sums
    assert problems(shop) == []
    left = shop.database.read(org_id, everything)
    # She is a member still; nobody knows any more whom she called.
    assert NAME in left and NUMBER not in left and CALLED[1:] not in left
    seal_all(shop.database, lambda: LATER)
    assert problems(shop) == []
    assert forgotten(shop, EVERYTHING) == dict.fromkeys(Kept, 0)


def test_what_is_not_old_stays(sqlite_shop: Shop) -> None:
    planted(sqlite_shop)
    before = sqlite_shop.database.read(EVERYBODY, everything)
    assert forgotten(sqlite_shop, dict.fromkeys(Kept, 401)) == dict.fromkeys(Kept, 0)
    # What was not told to go, neither.
    assert forgotten(sqlite_shop, {}) == {}
    assert sqlite_shop.database.read(EVERYBODY, everything) == before


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.lists(st.integers(0, 600), min_size=1, max_size=6),
    kinds=st.sets(st.sampled_from(Kept), min_size=1),
    slices=st.integers(1, 3),
)
def test_whatever_goes_the_books_add_up(
    maker: Maker, tmp_path_factory: pytest.TempPathFactory, seconds: list[int], kinds: set[Kept], slices: int
) -> None:
    with maker.shop_on("sqlite", tmp_path_factory.mktemp("any")) as shop, pytest.MonkeyPatch.context() as patch:
        patch.setattr("talktime.actions.retention.SLICE", slices)
        shop.open(1)
        phone = shop.phone(1)
        for number, one in enumerate(seconds):
            phone.authorize(f"c{number}")
            phone.settle(f"c{number}", one)
        seal_all(shop.database, lambda: NOW)
        sums = shop.database.read(EVERYBODY, figures)
        forgotten(shop, {kind: LEAST[kind] for kind in kinds})
        assert shop.database.read(EVERYBODY, figures) == sums
        assert problems(shop) == []


def test_a_call_that_was_forgotten_may_still_be_corrected(shop: Shop) -> None:
    """A late end of a call that was charged its grant."""
    shop.open(1)
    phone = shop.phone(1)
    phone.authorize("c1")
    phone.answered("c1")
    phone.later(DAY // 1_000_000)
    phone.lapse("c1")
    forgotten(shop, {Kept.CALLS: 62})
    phone.settle("c1", 30)
    assert problems(shop) == []
    assert shop.database.read(1, _minutes) == 1


def _minutes(tx: ReadTx) -> int:
    return tx.scalar(select(func.sum(t.usage.c.minutes)).where(t.usage.c.org_id == 1)) or 0


def test_letters_that_became_files_go_with_the_deliveries(tmp_path: Path) -> None:
    (tmp_path / "del_1.eml").write_text("To: ann@example.com\n\nHello")
    now = int((tmp_path / "del_1.eml").stat().st_mtime) * 1_000_000
    assert forget_letters(tmp_path, {Kept.DELIVERIES: 7}, now + 6 * DAY) == 0
    assert forget_letters(tmp_path, {Kept.DELIVERIES: 7}, now + 8 * DAY) == 1
    assert list(tmp_path.iterdir()) == []


def test_rules_are_read_and_wrong_ones_are_named() -> None:
    assert rules_from("") == USUAL
    assert rules_from("calls:400, people:30") == {Kept.SIGN_INS: 30, Kept.CALLS: 400, Kept.PEOPLE: 30}
    for wrong in ("calls", "calls:", "calls:61", "calls:x", "mails:30", "calls:-1", "calls:99999"):
        with pytest.raises(SettingsError, match="keep_days"):
            load({"keep_days": wrong}, {})


# ---------------------------------------------------------------- people


ZOE = replace(ANN, user_id="usr_zoe", name="Zoe", sign_in_name="zoe@example.com")


def removed(shop: Shop, org_id: int, *user_ids: str) -> None:
    for user_id in user_ids:
        shop.database.write(org_id, people.remove, org_id, user_id, Actor("key_boss", NOW))


def test_a_call_in_progress_delays_nobody_but_who_is_in_it(shop: Shop) -> None:
    org_id = planted(shop)
    shop.database.write(org_id, people.create, org_id, ZOE, BOSS)
    phone = shop.phone(org_id)
    phone.authorize("c9", user="usr_zoe")
    removed(shop, org_id, "usr_que", "usr_zoe")
    assert forgotten(shop, {Kept.PEOPLE: 1}) == {Kept.PEOPLE: 1}
    lines = shop.database.read(org_id, _audit_rows)
    assert forgotten(shop, {Kept.PEOPLE: 1}) == {Kept.PEOPLE: 0}
    assert shop.database.read(org_id, _audit_rows) == lines
    phone.settle("c9", 61)
    assert forgotten(shop, {Kept.PEOPLE: 1}) == {Kept.PEOPLE: 1}
    assert problems(shop) == []


def _audit_rows(tx: ReadTx) -> int:
    return tx.scalar(select(func.count()).select_from(t.audit)) or 0


def test_letters_to_people_who_go_go_as_well(sqlite_shop: Shop, tmp_path: Path) -> None:
    org_id = planted(sqlite_shop)
    files = with_files(sqlite_shop, tmp_path / "files")
    removed(sqlite_shop, org_id, "usr_que")
    sqlite_shop.database.write(org_id, members.remove, org_id, "mem_que", Actor("key_boss", NOW))
    forgotten(sqlite_shop, {Kept.PEOPLE: 1}, files.outbox)
    assert names(tmp_path / "files") == ["del_of_another.eml", "del_r.eml", "job_q.csv"]


def test_names_of_before_are_known_until_somebody_is_forgotten(sqlite_shop: Shop) -> None:
    """However short the audit log is."""
    org_id = planted(sqlite_shop)
    sqlite_shop.database.write(org_id, complain, org_id, "adj_new")
    forgotten(sqlite_shop, {Kept.AUDIT: 90})
    assert rows(sqlite_shop)[Kept.AUDIT] == 0
    known = sqlite_shop.database.read(org_id, persons.find, org_id, "usr_que")
    assert {FORMER, FORMER_EMAIL} <= known.words
    erase(sqlite_shop.database, org_id, known, Actor("command_line", LATER), NO_FILES)
    assert left(sqlite_shop) == []
    # Then it is as short as the rule says.
    assert rows(sqlite_shop)[Kept.AUDIT] > 0
    forgotten(sqlite_shop, {Kept.AUDIT: 90})
    assert rows(sqlite_shop)[Kept.AUDIT] == 0
    assert problems(sqlite_shop) == []


def test_what_a_file_called_people_is_known_until_all_of_them_are_forgotten(shop: Shop) -> None:
    org_id = planted(shop)
    in_files(shop, org_id)
    for word, others in ((EMAIL, True), ("usr_bob", False)):
        forgotten(shop, {Kept.AUDIT: 90})
        assert rows(shop)[Kept.AUDIT] == 0
        known = shop.database.read(org_id, persons.find, org_id, word)
        assert (MARRIED in known.words) is others
        erase(shop.database, org_id, known, Actor("command_line", LATER), NO_FILES)
        assert ("Bob" in shop.database.read(org_id, everything)) is others
    assert rows(shop)[Kept.AUDIT] > 0
    forgotten(shop, {Kept.AUDIT: 90})
    assert rows(shop)[Kept.AUDIT] == 0
    assert problems(shop) == []


def test_an_audit_log_is_not_shortened_any_further_when_the_process_ends(sqlite_shop: Shop) -> None:
    planted(sqlite_shop)
    before = rows(sqlite_shop)
    with pytest.raises(Stopped):
        forget(sqlite_shop.database, {Kept.AUDIT: 90}, LATER, Path("there-is-none"), lambda: True)
    assert rows(sqlite_shop) == before


def test_what_is_wrong_with_one_organization_keeps_nothing_of_others(sqlite_shop: Shop) -> None:
    planted(sqlite_shop)
    sqlite_shop.open(2)
    sqlite_shop.database.write(2, people.create, 2, ZOE, BOSS)
    for org_id, user_id in ((1, "usr_que"), (2, "usr_zoe")):
        removed(sqlite_shop, org_id, user_id)
    damage(sqlite_shop, 1)
    with pytest.raises(NotEverywhere, match=r"people of org_1: .* run talktime verify"):
        forgotten(sqlite_shop, {Kept.PEOPLE: 1})
    assert rows(sqlite_shop)[Kept.PEOPLE] == 1


# ---------------------------------------------------------------- slice by slice


def called(shop: Shop, times: int) -> None:
    shop.open(1)
    phone = shop.phone(1)
    for number in range(times):
        phone.authorize(f"c{number}")
        phone.settle(f"c{number}", 61)


def test_each_slice_begins_where_the_last_one_ended(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would look at all that is forgotten already."""
    called(sqlite_shop, 20)
    begun: dict[str, list[Any]] = {"old_usage": [], "old_calls": []}
    for name, places in begun.items():
        monkeypatch.setattr(retention_store, name, noting(getattr(retention_store, name), places))
    monkeypatch.setattr("talktime.actions.retention.SLICE", 2)
    assert forgotten(sqlite_shop, {Kept.CALLS: 62}) == {Kept.CALLS: 40}
    for places in begun.values():
        assert len(places) == 11 and places == sorted(set(places))
    assert rows(sqlite_shop)[Kept.CALLS] == 0
    assert problems(sqlite_shop) == []


def noting(find: Callable[..., Any], places: list[Any]) -> Callable[..., Any]:
    def found(tx: ReadTx, org_id: int, before: int, after: Any, limit: int) -> Any:
        places.append(after)
        return find(tx, org_id, before, after, limit)

    return found


def test_a_slice_has_only_what_comes_after_the_last(shop: Shop) -> None:
    called(shop, 6)
    usage = shop.database.read(1, retention_store.old_usage, 1, LATER, "", 10)
    stories = shop.database.read(1, retention_store.old_calls, 1, LATER, (-1, ""), 10)
    assert (len(usage), len(stories)) == (6, 6)
    after = stories[2]["opened_at"], stories[2]["call_id"]
    assert shop.database.read(1, retention_store.old_usage, 1, LATER, usage[2], 2) == usage[3:5]
    assert shop.database.read(1, retention_store.old_calls, 1, LATER, after, 2) == stories[3:5]
