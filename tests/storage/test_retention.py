"""What is older than it is to be kept goes, and every sum stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from talktime.actions import people
from talktime.actions.audit import Actor
from talktime.actions.retention import forget, forget_letters, preview
from talktime.actions.seal import seal_all
from talktime.core.retention import LEAST, USUAL, Kept, rules_from
from talktime.core.time import DAY
from talktime.settings import SettingsError, load
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from tests.core.switch import NOW
from tests.storage.conftest import Maker
from tests.storage.shop import Shop
from tests.storage.test_persons import CALLED, NAME, NUMBER, everything, figures, planted, problems

EVERYTHING = dict(LEAST)
LATER = NOW + 400 * DAY


def rows(shop: Shop) -> dict[Kept, int]:
    return {one.kind: one.counted.rows for one in preview(shop.database, EVERYTHING, LATER)}


def sent(tx: Tx, org_id: int) -> None:
    """Everything that was waiting."""
    tx.execute(update(t.deliveries).where(t.deliveries.c.org_id == org_id).values(due_at=None, ended_at=NOW))


def test_what_is_old_goes_and_every_sum_stays(shop: Shop) -> None:
    org_id = planted(shop)
    shop.database.write(org_id, people.remove, org_id, "usr_que", Actor("key_boss", NOW))
    shop.database.write(org_id, sent, org_id)
    sums, told = shop.database.read(EVERYBODY, figures), rows(shop)
    assert all(told.values())

    done = forget(shop.database, EVERYTHING, LATER)

    assert all(done.values())
    assert rows(shop) == dict.fromkeys(Kept, 0)
    assert shop.database.read(EVERYBODY, figures) == sums
    assert problems(shop) == []
    left = shop.database.read(org_id, everything)
    # She is a member still; nobody knows any more whom she called.
    assert NAME in left and NUMBER not in left and CALLED[1:] not in left
    seal_all(shop.database, lambda: LATER)
    assert problems(shop) == []
    assert forget(shop.database, EVERYTHING, LATER) == dict.fromkeys(Kept, 0)


def test_what_is_not_old_stays(sqlite_shop: Shop) -> None:
    planted(sqlite_shop)
    before = sqlite_shop.database.read(EVERYBODY, everything)
    assert forget(sqlite_shop.database, dict.fromkeys(Kept, 401), LATER) == dict.fromkeys(Kept, 0)
    # What was not told to go, neither.
    assert forget(sqlite_shop.database, {}, LATER) == {}
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
        forget(shop.database, {kind: LEAST[kind] for kind in kinds}, LATER)
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
    forget(shop.database, {Kept.CALLS: 62}, LATER)
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
