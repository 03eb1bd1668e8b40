"""The simulation beside what books of queueing say in closed form."""

from __future__ import annotations

import pytest

from talktime.capacity.queueing import Service, Waits, simulate
from talktime.charging.batcher import COMPANY_SECONDS

NO_WAIT = (Waits(1, (0.0,)),)
D = 0.001


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_one_by_one_at_a_steady_pace_is_m_d_1(busy: float) -> None:
    """The mean waiting is busy x D / 2 (1 - busy)."""
    answers = simulate(Service(0, D, 0, NO_WAIT), busy / D, 40_000, batch_max=1)
    assert answers.mean == pytest.approx(D + busy * D / (2 * (1 - busy)), rel=0.1)


def test_the_door_is_a_queue_of_its_own() -> None:
    """Two visits of half the time each; nothing else takes any."""
    answers = simulate(Service(D, 0, 0, NO_WAIT), 0.1 / D, 20_000)
    assert answers.mean == pytest.approx(D + 0.1 * D / 2, rel=0.1)


def test_a_disk_that_commits_one_by_one_is_m_d_1_as_well() -> None:
    answers = simulate(Service(0, 0, 0, (Waits(1, (D,)),)), 0.5 / D, 40_000, batch_max=1)
    assert answers.mean == pytest.approx(D + 0.5 * D / (2 * 0.5), rel=0.1)


def test_batches_of_any_size_wait_for_the_rest_of_one_and_then_for_their_own() -> None:
    """Always busy and without a bound: whoever comes waits half of a batch in the mean, and then a whole one."""
    answers = simulate(Service(0, 0, 0, (Waits(1, (D,)),)), 50 / D, 40_000, batch_max=10**6)
    assert answers.mean == pytest.approx(1.5 * D, rel=0.05)
    assert answers.p99 == pytest.approx(2 * D, rel=0.05)


def test_a_lone_command_waits_for_nobody() -> None:
    answers = simulate(Service(0.0001, 0.0003, 0.0001, (Waits(1, (0.002,)),)), 1, 100)
    assert answers.p50 == pytest.approx(0.0001 + 0.0003 + 0.0001 + 0.002)


def test_beside_a_batch_that_takes_long_a_second_lane_begins() -> None:
    """After the time that a command waits for a running one, which is far from its end."""
    answers = simulate(Service(0, 0, 0, (Waits(1, (10 * COMPANY_SECONDS,)),)), 1 / COMPANY_SECONDS, 2_000, lanes=2)
    assert 10 * COMPANY_SECONDS <= answers.p50 < 20 * COMPANY_SECONDS


def test_batching_carries_what_single_commands_could_not() -> None:
    service = Service(0, D, 0, NO_WAIT)
    assert simulate(service, 3 / D, 10_000).held
    assert not simulate(service, 3 / D, 10_000, batch_max=1).held


def test_more_load_is_never_quicker() -> None:
    service = Service(0.0001, 0.0005, 0.00005, (Waits(1, (0.001, 0.004)), Waits(256, (0.004, 0.02))))
    p99 = [simulate(service, rate, 10_000).p99 for rate in (100, 1_000, 3_000)]
    assert p99 == sorted(p99)


def test_the_same_seed_is_the_same_simulation() -> None:
    service = Service(0.0001, 0.0005, 0.00005, (Waits(1, (0.001, 0.004)),))
    assert simulate(service, 500, 2_000, seed=3) == simulate(service, 500, 2_000, seed=3)
    assert simulate(service, 500, 2_000, seed=3) != simulate(service, 500, 2_000, seed=4)


def test_waits_lie_between_those_that_were_measured() -> None:
    service = Service(0, 0, 0, (Waits(4, (1.0, 3.0)), Waits(8, (5.0, 7.0))))
    assert [service.waiting(size, 0.5) for size in (1, 4, 6, 8, 100)] == [2, 2, 4, 6, 6]
    assert [service.waiting(4, chance) for chance in (0.0, 0.25, 1.0)] == [1, 1.5, 3]
