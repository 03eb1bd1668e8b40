"""Many worlds, one after the other and side by side; the figures do not depend on how many run at a time."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized

from tests.simulation.bugs import BUGS
from tests.simulation.mirror import Wrong
from tests.simulation.world import Figures, Size, World

SEEDS_MAX = 50
"""Within so many worlds a planted bug must be seen."""


def run_world(seed: int, size: Size | None = None) -> Figures:
    with on_one_cpu(seed):
        return World(seed, size).run()


@contextmanager
def on_one_cpu(number: int) -> Iterator[None]:
    """A world's threads take turns; to hand over from one processor to another takes ten times as long."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def simulate(
    operations: int,
    crashes: int,
    seed: int,
    processes: int | None = None,
    tell: Callable[[Figures], None] = lambda _: None,
) -> Figures:
    """The worlds from `seed` on, until so much has happened."""
    figures = Figures()
    with _worlds(seed, processes or os.cpu_count() or 1) as worlds:
        while figures.operations < operations or figures.crashes < crashes:
            figures.add(next(worlds))
            tell(figures)
    return figures


@contextmanager
def _worlds(seed: int, processes: int) -> Iterator[Iterator[Figures]]:
    """In their order, a few ahead."""
    context = multiprocessing.get_context("spawn")
    taken = context.Value("i", 0)
    with ProcessPoolExecutor(processes, context, _settle_down, (taken,)) as pool:
        try:
            yield _in_order(pool, seed, 2 * processes)
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, seed: int, ahead: int) -> Iterator[Figures]:
    waiting: deque[Future[Figures]] = deque()
    while True:
        while len(waiting) < ahead:
            waiting.append(pool.submit(_run_here, seed))
            seed += 1
        yield waiting.popleft().result()


def _settle_down(taken: Synchronized[int]) -> None:
    """Each process on a processor of its own, for good."""
    with taken.get_lock():
        number, taken.value = taken.value, taken.value + 1
    mine = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {mine[number % len(mine)]})


def _run_here(seed: int) -> Figures:
    return World(seed).run()


def caught_at(bug: str, seeds_max: int = SEEDS_MAX) -> tuple[int, str] | None:
    """The first world that goes wrong with this bug, and how; None when none does."""
    with BUGS[bug]():
        for seed in range(seeds_max):
            try:
                run_world(seed)
            except Wrong as wrong:
                return seed, str(wrong)
    return None
