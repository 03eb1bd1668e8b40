"""What follows from the batches of a server that was asked."""

from __future__ import annotations

from math import inf
from statistics import fmean

import pytest

from talktime.capacity.loaded import Batches, loaded

QUIET = Batches(100, 200, 0.2, ((0.001, 0), (0.002, 80), (0.005, 100), (inf, 100)))
BUSY = Batches(50, 500, 0.5, ((0.001, 0), (0.01, 40), (0.02, 49), (inf, 50)))


def test_what_came_between_two_looks() -> None:
    later = Batches(150, 700, 0.7, ((0.001, 0), (0.002, 80), (0.005, 120), (inf, 150)))
    assert tuple(later.since(QUIET)) == (50, 500, pytest.approx(0.5), ((0.001, 0), (0.002, 0), (0.005, 20), (inf, 50)))


def test_times_lie_between_the_bounds_that_were_counted() -> None:
    assert (QUIET.size, QUIET.mean) == (2, 0.002)
    assert [QUIET.at(chance) for chance in (0.4, 0.8, 0.9, 1.0)] == pytest.approx([0.0015, 0.002, 0.0035, 0.005])
    # Nobody knows how far it was beyond the last one.
    assert BUSY.at(1.0) == 0.04


def test_at_each_size_that_was_seen_batches_take_as_long_in_the_mean_as_they_took() -> None:
    service = loaded(0.0001, [BUSY, QUIET])
    assert [waits.size for waits in service.waits] == [1, 2, 10, 256]
    means = [fmean(waits.seconds) for waits in service.waits]
    # The line through both is 1 ms a command.
    assert means == pytest.approx([0.001, 0.002, 0.01, 0.256])
    assert (service.door, service.computing(100)) == (0.0001, 0)


def test_a_load_without_batches_says_nothing() -> None:
    nothing = Batches(0, 0, 0, ((0.001, 0), (inf, 0)))
    assert loaded(0, [nothing, QUIET]) == loaded(0, [QUIET])


def test_of_one_size_alone_all_sizes_take_as_long() -> None:
    assert fmean(loaded(0, [QUIET]).waits[-1].seconds) == pytest.approx(0.002)
