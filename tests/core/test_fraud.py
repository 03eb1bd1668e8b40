from __future__ import annotations

from talktime.core.fraud import DAY_SECONDS, SPENDS_MAX, Tally
from talktime.core.time import SECOND
from tests.core.switch import NOW


def test_many_charges_are_put_together_and_none_is_forgotten() -> None:
    tally = Tally()
    for second in range(SPENDS_MAX * 3 + 1):
        tally = tally.spent(second + 1, NOW + second * SECOND)
        assert len(tally.spends) <= SPENDS_MAX
        assert tally.spent_within(DAY_SECONDS, NOW + second * SECOND) == sum(range(second + 2))


def test_charges_put_together_count_a_little_longer_and_never_shorter() -> None:
    tally = Tally()
    for second in range(SPENDS_MAX + 1):
        tally = tally.spent(1, NOW + second * SECOND)
    for passed in range(SPENDS_MAX):
        left = tally.spent_within(DAY_SECONDS, NOW + (DAY_SECONDS + passed) * SECOND)
        assert SPENDS_MAX - passed <= left <= SPENDS_MAX - passed + 1
