"""Q4, the fast part: the engine in worlds where everything fails, beside a reference. The long one:
`python -m tests.simulation`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from talktime.core.calls import Refusal
from tests.simulation.bugs import BUGS
from tests.simulation.fibers import Fiber
from tests.simulation.mirror import Wrong
from tests.simulation.runs import SEEDS_MAX, caught_at, run_world, simulate
from tests.simulation.world import Size

QUIET = Size(calls=80, minutes=5, lost=0, doubled=0, late=0, crashes=0, unknown_outcomes=0, down=0)


@pytest.mark.slow
def test_whatever_fails_the_engine_does_what_the_reference_does() -> None:
    figures = simulate(operations=100_000, crashes=1_000, seed=0)
    print(figures)
    assert figures.operations >= 100_000
    assert figures.crashes >= 1_000
    # The control: these are also the worlds in which the planted bugs are caught.
    assert figures.worlds >= SEEDS_MAX
    # A world in which little happens would be sound as well.
    assert figures.conflicts > 1_000
    assert min(figures.words[word] for word in ("granted", "extended", "ended", "no_balance", "already_ended")) > 1_000
    # Every rule was asked, and everybody paid.
    reasons = {reason.value for reason in Refusal}
    assert {word for word in reasons if figures.words[word] < 300} == set()
    assert min(figures.words[word] for word in ("by pool", "by credits", "by none")) > 1_000
    assert (figures.words["by postpaid"] > 100, figures.words["split"] > 30) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str) -> None:
    caught = caught_at(bug)
    assert caught is not None
    print(f"world {caught[0]}: {caught[1]}")


def test_without_faults_nobody_asks_twice() -> None:
    figures = run_world(1, QUIET)
    assert (figures.crashes, figures.failed) == (0, 0)
    assert figures.operations > 100


@pytest.mark.slow
def test_the_same_number_makes_the_same_world() -> None:
    figures = run_world(3)
    assert {trace_in_another_process(seed=3, hash_seed=1), trace_in_another_process(3, 2)} == {figures.trace}
    assert run_world(4).trace != figures.trace


def trace_in_another_process(seed: int, hash_seed: int) -> str:
    script = f"from tests.simulation.runs import run_world; print(run_world({seed}).trace)"
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_the_figures_do_not_depend_on_how_many_worlds_run_at_a_time() -> None:
    assert simulate(1, 0, seed=7, processes=1) == simulate(1, 0, seed=7, processes=2)


# ---------------------------------------------------------------- fibers


@pytest.fixture
def fiber() -> Iterator[Fiber]:
    fiber = Fiber()
    with closing(fiber):
        yield fiber


def test_a_fiber_goes_on_when_it_is_told_to(fiber: Fiber) -> None:
    heard: list[str] = []

    def speak() -> None:
        heard.append("first")
        fiber.pause()
        heard.append("second")

    fiber.run(speak)
    assert (heard, fiber.busy) == (["first"], True)
    fiber.resume()
    assert (heard, fiber.busy) == (["first", "second"], False)


def test_what_a_fiber_raises_is_raised_where_it_was_resumed(fiber: Fiber) -> None:
    def fail() -> None:
        fiber.pause()
        raise Wrong("so")

    fiber.run(fail)
    with pytest.raises(Wrong, match="so"):
        fiber.resume()
    assert not fiber.busy


def test_a_fiber_that_waits_can_be_ended(fiber: Fiber) -> None:
    fiber.run(fiber.pause)
    assert fiber.busy
