"""Q2, the fast part. The long one: `python -m tests.powercut.harness --cuts 5000`."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from tests.powercut import harness
from tests.powercut.harness import BROKEN, MONEY, PRODUCT, HarnessError, Power, Trial, caught_after, connecting, run
from tests.powercut.money import Money
from tests.powercut.workload import Connect, Finding, Wrong


@pytest.fixture
def power() -> Iterator[Power]:
    with harness.powered() as power:
        yield power


def some_of(trial: Trial, seed: int, cuts: int) -> list[harness.Outcome]:
    with closing(trial.outcomes(seed)) as outcomes:
        return list(islice(outcomes, cuts))


def digest(directory: Path) -> str:
    files = sorted(directory.iterdir())
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()


@pytest.mark.slow
def test_a_power_cut_loses_nothing_that_was_acknowledged() -> None:
    bad: list[harness.Outcome] = []
    figures = run(150, seed=2024, tell=bad.append)
    assert [str(outcome) for outcome in bad] == []
    assert figures.is_clean
    assert figures.cuts == 150
    # Cuts that hit nothing would be clean as well.
    assert figures.acknowledged > 500
    assert figures.dropped > 100
    assert figures.torn > 100


@pytest.mark.slow
def test_a_power_cut_loses_nothing_that_the_product_answered() -> None:
    bad: list[harness.Outcome] = []
    figures = run(40, seed=2024, trial=PRODUCT, tell=bad.append)
    assert [str(outcome) for outcome in bad] == []
    assert figures.is_clean
    assert figures.acknowledged > 200
    assert figures.dropped > 100


@pytest.mark.prove
def test_five_thousand_power_cuts_lose_nothing() -> None:
    figures = run(5000, seed=1)
    print(figures)
    assert figures.is_clean


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_broken_is_caught(name: str, seed: int) -> None:
    assert caught_after(name, seed) <= harness.SELF_CHECK_CUTS_MAX


def test_a_lying_disk_corrupts_databases_too() -> None:
    findings = [outcome.finding for outcome in some_of(BROKEN["a sync that lies"].trial, seed=1, cuts=60)]
    assert Wrong.CORRUPT in {finding.wrong for finding in findings if finding}


def test_a_journal_is_safe_once_its_deletion_is_synced() -> None:
    figures = run(60, seed=1, trial=Trial(Money(journal_mode="delete", synchronous="extra")))
    assert figures.is_clean


def test_a_self_check_that_finds_no_harm_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SELF_CHECK_CUTS_MAX", 10)
    monkeypatch.setitem(BROKEN, "nothing", harness.Broken(MONEY, frozenset(Wrong)))
    with pytest.raises(HarnessError, match="proves nothing"):
        caught_after("nothing", seed=1)


def test_the_same_seed_cuts_the_same_way() -> None:
    assert some_of(MONEY, seed=7, cuts=12) == some_of(MONEY, seed=7, cuts=12)
    assert some_of(MONEY, seed=7, cuts=12) != some_of(MONEY, seed=8, cuts=12)


def test_the_same_seed_makes_the_same_disk_byte_for_byte(power: Power, tmp_path: Path) -> None:
    # Not synced at all, so that the image's own chances decide everything.
    digests = [digest(image_of(power, tmp_path / str(run), "OFF", seed)) for run, seed in enumerate([1, 1, 2, 3, 4])]
    assert digests[0] == digests[1]
    assert len(set(digests)) > 2


def test_what_was_synced_is_in_every_image(power: Power, tmp_path: Path) -> None:
    assert len({digest(image_of(power, tmp_path / str(seed), "FULL", seed)) for seed in range(1, 6)}) == 1


def image_of(power: Power, directory: Path, synchronous: str, seed: int) -> Path:
    disk, after = directory / "disk", directory / "after"
    disk.mkdir(parents=True)
    after.mkdir()
    power.on(seed=1)
    with connecting() as connect:
        database = connect(disk / "talktime.db", isolation_level=None)
        database.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};")
        database.executescript("CREATE TABLE calls (story TEXT); INSERT INTO calls VALUES (zeroblob(20000));")
        power.off(seed, after)
    return after


def test_without_power_nothing_works(power: Power, tmp_path: Path) -> None:
    power.on()
    with connecting() as connect:
        database = connect(tmp_path / "talktime.db", isolation_level=None)
        database.execute("CREATE TABLE calls (story TEXT)")
        assert not power.has_failed
        power.off(1, tmp_path)

        assert power.has_failed
        for statement in ("INSERT INTO calls VALUES ('lost')", "SELECT * FROM calls"):
            with pytest.raises(sqlite3.OperationalError):
                database.execute(statement)


@dataclass
class Scripted:
    """A workload that does a fixed thing, to see how the harness judges it."""

    error: Exception | None = None
    finding: Finding | None = None
    names: list[str] = field(default_factory=list)

    def create(self, path: Path, connect: Connect) -> None:
        Money().create(path, connect)

    def steps(self, path: Path, connect: Connect, seed: str) -> Iterator[str]:
        yield from self.names
        if self.error:
            raise self.error

    def check(self, path: Path, seed: str, acknowledged: Sequence[str]) -> Finding | None:
        assert acknowledged[: len(self.names)] == self.names
        return self.finding


def test_work_that_ends_before_the_cut_is_cut_at_its_end() -> None:
    (outcome,) = some_of(Trial(Scripted(names=["one", "two"])), seed=1, cuts=1)
    assert outcome.acknowledged == 2
    assert outcome.finding is None


def test_an_error_while_the_power_is_on_is_not_taken_for_a_cut() -> None:
    with pytest.raises(ZeroDivisionError):
        some_of(Trial(Scripted(error=ZeroDivisionError())), seed=1, cuts=1)


def test_every_finding_is_counted_and_told() -> None:
    for wrong in Wrong:
        told: list[harness.Outcome] = []
        figures = run(2, seed=1, trial=Trial(Scripted(finding=Finding(wrong, "so it is"))), tell=told.append)
        assert not figures.is_clean
        assert getattr(figures, wrong.value) == 2
        assert len(told) == 2
        assert f"{wrong.value}: so it is" in str(told[0])


def test_half_a_commit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "talktime.db"
    money = Money()
    money.create(path, sqlite3.connect)
    made = list(islice(money.steps(path, sqlite3.connect, "1/1"), 8))
    assert money.check(path, "1/1", made) is None

    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE accounts SET posted = posted + 1 WHERE org_id = 0 AND account_id = 0")
    finding = money.check(path, "1/1", made)
    assert finding
    assert finding.wrong is Wrong.PARTIAL


def test_a_python_that_loads_no_extensions_is_told_what_to_do() -> None:
    class Bare:
        """The connection of a sqlite3 module built without them."""

    with pytest.raises(HarnessError, match="Debian's /usr/bin/python3"):
        harness.require_extensions(Bare)


def test_there_is_one_disk_in_a_process(power: Power) -> None:
    with pytest.raises(HarnessError, match="one disk"):
        some_of(MONEY, seed=1, cuts=1)
