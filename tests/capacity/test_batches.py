"""What follows from batches that were measured."""

from __future__ import annotations

import pytest

from talktime.capacity.batches import Batch, fitted, service_of, thinned


def test_a_line_through_what_batches_compute() -> None:
    fit = fitted({size: 0.002 + 0.0001 * size for size in (1, 4, 16, 64, 256)})
    assert fit == pytest.approx((0.002, 0.0001))


def test_neither_part_is_below_nothing() -> None:
    assert fitted({1: 0.002, 10: 0.001}).command == 0
    assert fitted({10: 0.001, 100: 0.02}).batch >= 0


def test_the_median_computes_and_all_waits_count() -> None:
    batches = [Batch(1, 0.001, 0.3), Batch(1, 0.001, 0.1), Batch(1, 9.0, 0.2), Batch(2, 0.002, 0.5)]
    service = service_of(batches, 0.0001)
    assert service.computing(2) == pytest.approx(0.002)
    assert [one.seconds for one in service.waits] == [(0.1, 0.2, 0.3), (0.5,)]
    assert service.door == 0.0001


def test_many_waits_are_thinned_at_even_distances() -> None:
    assert thinned([1.0, 2.0], 3) == (1.0, 2.0)
    assert thinned([float(n) for n in range(101)], 5) == (0, 25, 50, 75, 100)
