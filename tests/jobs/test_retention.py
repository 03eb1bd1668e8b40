"""The job that forgets, with something to forget: as the worker runs it, by the rules of the settings."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from msgspec import structs
from sqlalchemy import select, update

from talktime.actions import alerts, members, notices, people, sessions
from talktime.actions.audit import Actor
from talktime.actions.retention import RETENTION, preview
from talktime.actions.sessions import Visitor
from talktime.app import App, open_app
from talktime.core.retention import LEAST, Kept
from talktime.core.time import DAY, SECOND
from talktime.jobs.worker import JOBS, Worker
from talktime.settings import load
from talktime.storage import tables as t
from talktime.storage.alert_store import Alerts
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from talktime.storage.member_store import ACTIVE, MemberRow
from talktime.storage.notice_rows import notice
from talktime.storage.notice_store import add as add_notices
from tests.core.switch import NOW
from tests.storage.shop import ANN, Shop
from tests.storage.test_persons import figures, planted, problems
from tests.support.server import SETTINGS_OF_ALL

TONIGHT = NOW + 300 * DAY
YESTERDAY = TONIGHT - DAY // 2
MUCH_LATER = TONIGHT + 300 * DAY
SOMEBODY = Actor("key_boss", YESTERDAY)
ZOE = structs.replace(ANN, user_id="usr_zoe", name="Zoe", sign_in_name="zoe@example.com")
BEA = MemberRow("mem_bea", "Bea", "bea@example.com", ("report_reader",), "en", ACTIVE, YESTERDAY)
PATIENCE_SECONDS = 60


def test_what_is_old_goes_by_night_and_what_is_young_stays_with_every_sum(shop: Shop, tmp_path: Path) -> None:
    old, young = planted(shop), 2
    shop.database.write(old, people.remove, old, "usr_que", Actor("key_boss", NOW))
    shop.open(young)
    new_things(shop, young)
    shop.database.write(EVERYBODY, nothing_waits)
    old_letter, young_letter = letter(tmp_path, "del_old", NOW), letter(tmp_path, "del_young", YESTERDAY)
    sums, stays = shop.database.read(EVERYBODY, figures), what_is_young(shop, young)
    goes, all_of_it = rows(shop, TONIGHT), rows(shop, MUCH_LATER)
    assert all(0 < goes[kind] < all_of_it[kind] for kind in Kept), (goes, all_of_it)

    with opened(shop, tmp_path) as app:
        # Lines of the audit log that say what she was called go when she does, so they are counted with nothing before.
        assert forgotten(app) > sum(goes.values())

    assert rows(shop, TONIGHT) == dict.fromkeys(Kept, 0)
    assert rows(shop, MUCH_LATER) == {kind: all_of_it[kind] - goes[kind] for kind in Kept}
    assert what_is_young(shop, young) == stays
    assert (old_letter.exists(), young_letter.exists()) == (False, True)
    assert shop.database.read(EVERYBODY, figures) == sums
    assert problems(shop) == []


def new_things(shop: Shop, org_id: int) -> None:
    """Of each kind."""
    phone = shop.phone(org_id)
    phone.later((YESTERDAY - NOW) // SECOND)
    phone.authorize("c1")
    phone.settle("c1", 61)
    shop.database.write(org_id, _new_things, org_id)
    notices.tell_everything(shop.database, org_id, YESTERDAY)


def _new_things(tx: Tx, org_id: int) -> None:
    members.invite(tx, org_id, BEA, SOMEBODY)
    alerts.save(tx, org_id, Alerts(recipients=("billing@example.com",)), SOMEBODY)
    people.create(tx, org_id, ZOE, SOMEBODY)
    people.remove(tx, org_id, ZOE.user_id, SOMEBODY)
    sessions.open_session(tx, org_id, BEA.member_id, Visitor("192.0.2.1", "a browser"), YESTERDAY, True)
    add_notices(tx, org_id, [notice(org_id, "user_blocked", "bea", YESTERDAY, user="usr_ann", reason="asked")])


def nothing_waits(tx: Tx) -> None:
    """Each was sent when it was told."""
    d = t.deliveries.c
    tx.execute(update(t.deliveries).values(due_at=None, ended_at=d.created_at))


def letter(folder: Path, name: str, at: int) -> Path:
    path = folder / "outbox" / f"{name}.eml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("To: billing@example.com\n\nHello")
    os.utime(path, (at / SECOND, at / SECOND))
    return path


def rows(shop: Shop, now: int) -> dict[Kept, int]:
    return {one.kind: one.counted.rows for one in preview(shop.database, LEAST, now)}


def what_is_young(shop: Shop, org_id: int) -> list[str]:
    """All that the organization has but its audit log, which begins on an old day, and the counter of its lines."""
    tables = [one for one in t.metadata.sorted_tables if "org_id" in one.c and one not in (t.audit, t.accounts)]

    def read(tx: ReadTx) -> list[str]:
        return [
            f"{one.name}: {tuple(row)}"
            for one in tables
            for row in tx.execute(select(one).where(one.c.org_id == org_id))
        ]

    return sorted(shop.database.read(org_id, read))


@contextmanager
def opened(shop: Shop, folder: Path) -> Iterator[App]:
    """With the shortest rules that there are."""
    flags = {"data": folder, "keep_days": ",".join(f"{kind}:{days}" for kind, days in LEAST.items())}
    if shop.database.dialect == "postgresql":
        flags["database"] = shop.database.url
    app = open_app(load(flags, SETTINGS_OF_ALL), lambda: TONIGHT)
    try:
        yield app
    finally:
        app.close()


def forgotten(app: App) -> int:
    """How much the job says that it did in its turn."""
    [job] = [one for one in JOBS if one.name == RETENTION]
    worker = Worker(app, [replace(job, at_once=True)])
    worker.start()
    try:
        return int(_told(app))
    finally:
        worker.stop()


def _told(app: App) -> float:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        for outcome in ("done", "failed"):
            labels = {"task": RETENTION, "outcome": outcome}
            if found := app.meters.registry.get_sample_value("talktime_jobs_total", labels):
                assert outcome == "done"
                return found
        time.sleep(0.01)
    raise AssertionError("the job never came to its end")
