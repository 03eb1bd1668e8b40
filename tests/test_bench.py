"""The benchmark itself: a fast wrong answer must not count."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bench import books, criteria, legs, report
from bench.criteria import Criterion
from bench.legs import LEGS, Outcome, Plan
from bench.places import Ground, Sqlite
from bench.world import World
from talktime.storage.database import EVERYBODY, ReadTx, SqliteDatabase
from talktime.storage.verify import verify

SMALL = World(organizations=3, old_calls=50, rates=100)
QUICK = Plan(seconds=0.5, warm_up_seconds=0, world=SMALL)


class Tampered(Sqlite):
    """Money appears in an account that no entry knows of."""

    @contextmanager
    def ground(self, world: World) -> Iterator[Ground]:
        with super().ground(world) as ground:
            database = SqliteDatabase(ground.folder / "talktime.db")
            database.write(EVERYBODY, add_a_micro)
            database.close()
            yield ground


def add_a_micro(tx: ReadTx) -> None:
    tx.execute(text("UPDATE accounts SET posted_micros = posted_micros + 1 WHERE org_id = 1"))


@pytest.mark.slow
def test_a_leg_over_http_closes_its_books(tmp_path: Path) -> None:
    outcome = LEGS["http"](Sqlite(tmp_path), QUICK, {})

    assert outcome.void == ""
    assert outcome.figure > 0
    assert outcome.server_us and outcome.p50_ms and outcome.p99_ms


def test_a_leg_whose_books_do_not_close_is_void(tmp_path: Path) -> None:
    outcome = legs.engine(8)(Tampered(tmp_path), QUICK, {})
    [criterion] = criteria.chosen({"S3b"}, {"sqlite"}, big=False)
    rounds = {"sqlite": [{"engine": outcome, "floor 256": Outcome(figure=1.0)}]}

    assert outcome.figure > 0
    assert "1 accounts that do not add up" in outcome.void
    assert report.values(criterion, rounds) == []
    assert report.verdict(criterion, []) == report.VOID


def test_the_world_is_what_the_product_would_have_made(tmp_path: Path) -> None:
    with Sqlite(tmp_path).ground(SMALL) as ground:
        database = SqliteDatabase(ground.folder / "talktime.db")
        found = verify(database)
        database.close()

        assert found.findings == []
        assert found.calls == SMALL.old_calls
        assert books.findings(ground, SMALL.old_calls, told=0) == ""
        assert (
            books.findings(ground, SMALL.old_calls, told=1) == "1 calls were settled for their clients, 0 in the books"
        )


@pytest.mark.parametrize("criterion", criteria.CRITERIA, ids=lambda one: f"{one.name} {one.database}")
def test_every_criterion_is_measured_and_has_a_bound(criterion: Criterion) -> None:
    assert criterion.legs <= set(LEGS)
    assert (criterion.least is None) != (criterion.most is None)
