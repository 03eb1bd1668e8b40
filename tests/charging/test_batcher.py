"""Batches: who goes with whom, who goes alone, and who waits for whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pytest

from talktime.charging import batcher
from talktime.charging.batcher import BATCH_MAX, Batcher
from talktime.core.calls import Answer, Command, Done, Release

R = TypeVar("R")


class Work:
    """Batches that take as long as they are let."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, commands: Sequence[Command]) -> list[Answer]:
        self.batches.append([command.call_id for command in commands])
        assert self.may_go_on.wait(10)
        return [Done() for _ in commands]


def run(steps: Callable[[Batcher], Awaitable[R]], work: Work, lanes: int = 2, batch_max: int = BATCH_MAX) -> R:
    batcher = Batcher(work, lanes, batch_max=batch_max)

    async def whole() -> R:
        return await steps(batcher)

    try:
        return asyncio.run(whole())
    finally:
        work.may_go_on.set()
        batcher.close()


def asked(batcher: Batcher, *call_ids: str) -> asyncio.Task[list[Answer]]:
    return asyncio.ensure_future(batcher.submit([Release(1, call_id, 0, "key_1") for call_id in call_ids]))


async def until(there: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not there():
            await asyncio.sleep(0.001)


def test_a_lone_command_waits_for_nobody() -> None:
    work = Work()

    async def steps(batcher: Batcher) -> list[Answer]:
        return await asked(batcher, "c1")

    assert run(steps, work) == [Done()]
    assert work.batches == [["c1"]]


def test_what_comes_in_the_same_turns_of_the_loop_goes_together() -> None:
    work = Work()

    async def steps(batcher: Batcher) -> None:
        first = asked(batcher, "c1")
        await asyncio.sleep(0)
        await asyncio.gather(first, asked(batcher, "c2"), asked(batcher, "c3"))

    run(steps, work)
    assert work.batches == [["c1", "c2", "c3"]]


def test_what_comes_while_a_batch_runs_forms_the_next() -> None:
    work = Work()

    async def steps(batcher: Batcher) -> None:
        work.may_go_on.clear()
        first = asked(batcher, "c1")
        await until(lambda: work.batches)
        rest = [asked(batcher, f"c{n}") for n in range(2, 6)]
        await asyncio.sleep(0.005)
        work.may_go_on.set()
        await asyncio.gather(first, *rest)

    run(steps, work, lanes=1)
    assert work.batches == [["c1"], ["c2", "c3", "c4", "c5"]]


def test_beside_a_running_batch_only_a_full_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of half the size would cost nearly twice as much."""
    monkeypatch.setattr(batcher, "COMPANY_SECONDS", 30.0)
    monkeypatch.setattr(batcher, "PATIENCE_SECONDS", 60.0)
    work = Work()

    async def steps(batcher: Batcher) -> None:
        work.may_go_on.clear()
        asks = [asked(batcher, f"a{n}") for n in range(3)]
        await until(lambda: work.batches)
        asks += [asked(batcher, f"b{n}") for n in range(3)]
        await asyncio.sleep(0.05)
        assert len(work.batches) == 1
        asks.append(asked(batcher, "b3"))
        await until(lambda: len(work.batches) == 2)
        work.may_go_on.set()
        await asyncio.gather(*asks)

    run(steps, work, batch_max=4)
    assert work.batches == [["a0", "a1", "a2"], ["b0", "b1", "b2", "b3"]]


def test_nobody_waits_long_for_a_batch_while_there_is_another_lane() -> None:
    """A batch that is stuck at the database must not stop the few that come later."""
    work = Work()

    async def steps(batcher: Batcher) -> None:
        work.may_go_on.clear()
        stuck = [asked(batcher, f"a{n}") for n in range(3)]
        await until(lambda: work.batches)
        lone = asked(batcher, "b1")
        await until(lambda: len(work.batches) == 2)
        work.may_go_on.set()
        await asyncio.gather(*stuck, lone)

    run(steps, work)
    assert work.batches[1] == ["b1"]


def test_it_is_busy_while_somebody_waits_for_an_answer() -> None:
    work = Work()
    work.may_go_on.clear()

    async def steps(batcher: Batcher) -> list[bool]:
        told = [batcher.is_busy()]
        mine = asked(batcher, "c1")
        await until(lambda: work.batches)
        told.append(batcher.is_busy())
        work.may_go_on.set()
        await mine
        return [*told, batcher.is_busy()]

    assert run(steps, work) == [False, True, False]


def test_a_group_stays_together_and_is_never_more_than_a_batch() -> None:
    work = Work()

    async def steps(batcher: Batcher) -> list[list[Answer]]:
        return await asyncio.gather(*[asked(batcher, *[f"{group}-{n}" for n in range(100)]) for group in range(3)])

    answers = run(steps, work, lanes=1)
    assert [len(one) for one in answers] == [100, 100, 100]
    assert [len(batch) for batch in work.batches] == [200, 100]


def test_who_waits_for_a_store_that_does_not_answer_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "PATIENCE_SECONDS", 0.05)
    work = Work()

    async def steps(batcher_: Batcher) -> None:
        work.may_go_on.clear()
        with pytest.raises(batcher.TooSlow):
            await asked(batcher_, "c1")
        rest = asked(batcher_, "c2"), asked(batcher_, "c3")
        with pytest.raises((batcher.Overloaded, batcher.TooSlow)):
            await asyncio.gather(*rest)
        await asyncio.gather(*rest, return_exceptions=True)

    run(steps, work)
