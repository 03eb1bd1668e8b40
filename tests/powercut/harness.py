"""Q2, a power cut on SQLite: what was acknowledged is there afterwards, all else is there whole or not at all.

    python -m tests.powercut.harness --cuts 5000

The disk is `powercut.c`, a VFS that knows what a real disk may drop, tear and forget. A *machine* is one directory that
lives through a few cuts: its store is opened through that VFS and works until the power fails at some write, sync,
truncate or deletion; what the disk may hold then is opened with the ordinary VFS and examined. The next life starts
from that image, not from the examined copy, so that the power also fails in the middle of a recovery.

To put another store under it, write a `Workload` (`workload.py`); `product.py` is the product's own store and
`money.py` a small one with every trick of SQLite. It is given the path of its
database and a `Connect`, to be used like `sqlite3.connect`, which opens connections through the VFS:

    def steps(self, path: Path, connect: Connect, seed: str) -> Iterator[str]:
        with closing(SqliteDatabase(path, connect)) as database:
            ...

All that `Connect` does is `sqlite3.connect("file:/...?vfs=powercut", uri=True, ...)`; that works everywhere in this
process once any connection has loaded the extension.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

from rich.console import Console
from rich.progress import track

from tests.powercut.money import Money
from tests.powercut.product import Product
from tests.powercut.workload import Connect, Finding, Workload, Wrong

DATABASE = "talktime.db"
LIVES_MAX = 4
# An operation of the disk drawn from one of these: the first few fall into opening and recovery.
CUT_AT_MAX = (20, 150, 1500)
# One machine in so many starts with an empty directory, the others with a database that is already there.
FRESH_EVERY = 5
SELF_CHECK_CUTS_MAX = 200
# In memory where there is such a place; the disk that loses power is not the one below this directory anyway.
IN_MEMORY = Path("/dev/shm")
COMPILE = ("gcc", "-std=gnu11", "-O2", "-shared", "-fPIC")
# The disk is a process-wide thing, as a VFS is.
ONE_AT_A_TIME = Lock()


class HarnessError(Exception):
    """The harness cannot run here, or has not caught what it must: a sentence for the person who started it."""


# ---------------------------------------------------------------- the disk


@dataclass(frozen=True, slots=True)
class Image:
    """What happened to the changes that no sync had made durable, and to the names no sync of their directory had."""

    operations: int
    kept: int
    dropped: int
    torn: int
    names_undone: int


class Power:
    """The switch."""

    def __init__(self, control: sqlite3.Connection) -> None:
        self._control = control

    def on(self, *, cut_at: int = 0, lying_sync: bool = False, seed: int = 1) -> None:
        """Forget all that was; fail at the operation with this number, or never (0)."""
        self._ask("SELECT powercut_arm(?, ?, ?)", cut_at, lying_sync, seed)

    @property
    def has_failed(self) -> bool:
        return bool(self._ask("SELECT powercut_failed()"))

    def off(self, seed: int, directory: Path) -> Image:
        """Write into this directory what the disk may hold now."""
        return Image(**json.loads(str(self._ask("SELECT powercut_image(?, ?)", seed, str(directory)))))

    def _ask(self, question: str, *values: object) -> object:
        return self._control.execute(question, values).fetchone()[0]


@contextmanager
def powered() -> Iterator[Power]:
    require_extensions(sqlite3.Connection)
    library = build()
    if not ONE_AT_A_TIME.acquire(blocking=False):
        raise HarnessError("There is one disk in a process, and somebody is using it.")
    with ExitStack() as afterwards:
        afterwards.callback(ONE_AT_A_TIME.release)
        control = afterwards.enter_context(closing(sqlite3.connect(":memory:")))
        control.enable_load_extension(True)
        control.load_extension(str(library))
        control.enable_load_extension(False)
        power = Power(control)
        # Without a seed SQLite's random numbers come from the system again.
        afterwards.callback(power.on, seed=0)
        yield power


def require_extensions(connection: type) -> None:
    if not hasattr(connection, "enable_load_extension"):
        raise HarnessError(
            f"The sqlite3 module of {sys.executable} cannot load extensions, so no power cut can be tried: "
            "run this with a Python that can, such as Debian's /usr/bin/python3."
        )


def build() -> Path:
    """The extension, compiled once for each version of its source."""
    source = Path(__file__).with_name("powercut.c")
    version = hashlib.sha256(" ".join(COMPILE).encode() + source.read_bytes()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"talktime-powercut-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise HarnessError(f"{folder} belongs to somebody else, so nothing in it can be trusted: remove it.")
    # The file's name must be the extension's: SQLite makes the name of the entry point from it.
    library = folder / version / "powercut.so"
    if not library.exists():
        library.parent.mkdir(exist_ok=True)
        unfinished = library.with_name(f"{os.getpid()}.so")
        try:
            subprocess.run([*COMPILE, "-o", unfinished, source], check=True, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise HarnessError("gcc is not installed, so the disk that loses power cannot be built.") from error
        except subprocess.CalledProcessError as error:
            raise HarnessError(f"powercut.c does not compile; is libsqlite3-dev installed?\n{error.stderr}") from error
        unfinished.replace(library)
    return library


@contextmanager
def connecting() -> Iterator[Connect]:
    """Opens connections through the VFS, and closes in the end what is still open."""
    connections: list[sqlite3.Connection] = []

    # Whatever sqlite3.connect takes.
    def connect(path: Path, **options: Any) -> sqlite3.Connection:
        connections.append(sqlite3.connect(f"{path.as_uri()}?vfs=powercut", uri=True, **options))
        return connections[-1]

    try:
        yield connect
    finally:
        for connection in connections:
            # With a dead disk below it a connection may complain while it closes.
            with suppress(sqlite3.Error):
                connection.close()


# ---------------------------------------------------------------- lives and cuts


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cut. The machine's number and the seed are enough to see it again."""

    machine: int
    life: int
    cut_at: int
    acknowledged: int
    image: Image
    finding: Finding | None

    def __str__(self) -> str:
        verdict = f"{self.finding.wrong}: {self.finding.words}" if self.finding else "sound"
        return f"machine {self.machine}, life {self.life}, cut at operation {self.cut_at}: {verdict}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: a workload, and a disk that is honest or says "synced" when it is not."""

    workload: Workload
    lying_sync: bool = False

    def outcomes(self, seed: int, first_machine: int = 0) -> Generator[Outcome, None, None]:
        """One cut after the other, without end."""
        place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
        with powered() as power, tempfile.TemporaryDirectory(prefix="talktime-powercut-", dir=place) as folder:
            template = Path(folder) / "template"
            template.mkdir()
            power.on()
            with connecting() as connect:
                self.workload.create(template / DATABASE, connect)
            for machine in count(first_machine):
                home = Path(folder) / f"machine-{machine}"
                home.mkdir()
                yield from self._machine(power, home, None if machine % FRESH_EVERY == 0 else template, seed, machine)
                shutil.rmtree(home)

    def _machine(self, power: Power, home: Path, template: Path | None, seed: int, machine: int) -> Iterator[Outcome]:
        chance = Random(f"{seed}/{machine}")
        disk = home / "life-1"
        if template:
            shutil.copytree(template, disk)
        else:
            disk.mkdir()
        acknowledged: list[str] = []
        for life in range(1, chance.randint(1, LIVES_MAX) + 1):
            cut_at = chance.randint(1, chance.choice(CUT_AT_MAX))
            before = len(acknowledged)
            after, copy = home / f"life-{life + 1}", home / f"copy-{life}"
            after.mkdir()
            power.on(cut_at=cut_at, lying_sync=self.lying_sync, seed=chance.getrandbits(31) | 1)
            with connecting() as connect:
                self._live(power, disk / DATABASE, connect, f"{seed}/{machine}", acknowledged)
                image = power.off(chance.getrandbits(63), after)
            shutil.copytree(after, copy)
            finding = self._examine(copy / DATABASE, f"{seed}/{machine}", acknowledged)
            yield Outcome(machine, life, cut_at, len(acknowledged) - before, image, finding)
            if finding:
                return
            disk = after

    def _live(self, power: Power, path: Path, connect: Connect, seed: str, acknowledged: list[str]) -> None:
        try:
            # Not extend(): what was acknowledged before the cut counts, whatever ends the loop.
            for name in self.workload.steps(path, connect, seed):
                acknowledged.append(name)
        except Exception:
            if not power.has_failed:
                raise

    def _examine(self, path: Path, seed: str, acknowledged: Sequence[str]) -> Finding | None:
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as database:
                # This copy is thrown away: no need to wait for a disk.
                database.execute("PRAGMA synchronous = OFF")
                report = [row[0] for row in database.execute("PRAGMA integrity_check")]
            if report != ["ok"]:
                return Finding(Wrong.CORRUPT, "; ".join(report)[:300])
            return self.workload.check(path, seed, acknowledged)
        except sqlite3.DatabaseError as error:
            return Finding(Wrong.CORRUPT, str(error))


MONEY = Trial(Money())
PRODUCT = Trial(Product())
TRIALS = {"money": MONEY, "product": PRODUCT}


# ---------------------------------------------------------------- figures


@dataclass(slots=True)
class Figures:
    cuts: int = 0
    acknowledged: int = 0
    dropped: int = 0
    torn: int = 0
    lost: int = 0
    partial: int = 0
    corrupt: int = 0
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        self.cuts += 1
        self.acknowledged += outcome.acknowledged
        self.dropped += outcome.image.dropped
        self.torn += outcome.image.torn
        wrong = outcome.finding.wrong if outcome.finding else None
        self.lost += wrong is Wrong.LOST
        self.partial += wrong is Wrong.PARTIAL
        self.corrupt += wrong is Wrong.CORRUPT

    @property
    def is_clean(self) -> bool:
        return self.cuts > 0 and self.lost == self.partial == self.corrupt == 0

    def __str__(self) -> str:
        return (
            f"power cut on SQLite {sqlite3.sqlite_version}: {self.cuts:,} cuts, "
            f"{self.lost} lost, {self.partial} partial, {self.corrupt} corrupt; "
            f"{self.acknowledged:,} commits acknowledged, {self.dropped:,} writes dropped, {self.torn:,} torn; "
            f"{60 * self.cuts / self.seconds:,.0f} cuts a minute"
        )


def ignore(outcome: Outcome) -> None:
    """For those who want the figures only."""


def run(
    cuts: int,
    seed: int,
    trial: Trial = MONEY,
    tell: Callable[[Outcome], None] = ignore,
    first_machine: int = 0,
) -> Figures:
    """Cut so many times and count. `tell` hears of each cut after which something was wrong."""
    figures = Figures()
    console = Console(stderr=True)
    began = time.monotonic()
    with closing(trial.outcomes(seed, first_machine)) as outcomes:
        shown = track(islice(outcomes, cuts), "power cuts", cuts, console=console, disable=not console.is_terminal)
        for outcome in shown:
            figures.add(outcome)
            if outcome.finding:
                tell(outcome)
    figures.seconds = time.monotonic() - began
    return figures


# ---------------------------------------------------------------- self-check


@dataclass(frozen=True, slots=True)
class Broken:
    """A trial that must go wrong, and in which ways it may."""

    trial: Trial
    expected: frozenset[Wrong]


BROKEN = {
    "synchronous=NORMAL": Broken(Trial(Money(synchronous="normal")), frozenset({Wrong.LOST})),
    "the product with synchronous=NORMAL": Broken(Trial(Product(synchronous="normal")), frozenset({Wrong.LOST})),
    "a sync that lies": Broken(Trial(Money(), lying_sync=True), frozenset(Wrong)),
    # FULL does not sync the directory after the journal's deletion, which is the commit; EXTRA does.
    "a journal's deletion not synced": Broken(Trial(Money(journal_mode="delete")), frozenset({Wrong.LOST})),
}


def caught_after(name: str, seed: int) -> int:
    """How many cuts it took to see that this is broken."""
    broken = BROKEN[name]
    with closing(broken.trial.outcomes(seed)) as outcomes:
        for cuts, outcome in enumerate(islice(outcomes, SELF_CHECK_CUTS_MAX), start=1):
            if outcome.finding and outcome.finding.wrong in broken.expected:
                return cuts
            if outcome.finding:
                raise HarnessError(f"Self-check: {name} went wrong in a way it should not: {outcome}.")
    raise HarnessError(f"Self-check: {SELF_CHECK_CUTS_MAX} cuts did no harm to {name}, so this harness proves nothing.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.powercut.harness", description="Q2: a power cut on SQLite.")
    parser.add_argument("--cuts", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workload", choices=TRIALS, default="product")
    parser.add_argument("--first-machine", type=int, default=0, help="start here, to see one of them again")
    options = parser.parse_args()

    def tell(outcome: Outcome) -> None:
        print(f"seed {options.seed}, {outcome}", file=sys.stderr)

    try:
        figures = run(options.cuts, options.seed, TRIALS[options.workload], tell, options.first_machine)
        caught = ", ".join(f"{name} after {caught_after(name, options.seed)}" for name in BROKEN)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{figures}; self-check, cuts until caught: {caught}")
    return 0 if figures.is_clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
