"""What a batch takes within a server that is asked: its door, its due work and the disk take their time meanwhile.

The engine alone is quicker than that by far, so answer times are simulated with this.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from talktime.capacity.batches import Fit, fitted
from talktime.capacity.queueing import Service, Waits

CHANCES = 200
"""Times of one size: as many as describe how they are spread."""
SIZES = 1, 256
"""Beyond those that were seen, in proportion to the line through them."""


class Batches(NamedTuple):
    """That came to their end until an instant."""

    number: float
    commands: float
    seconds: float
    within: tuple[tuple[float, float], ...]
    """So many took so long at most, the shortest first, the last without a bound."""

    def since(self, earlier: Batches) -> Batches:
        within = tuple((bound, now - then) for (bound, now), (_, then) in zip(self.within, earlier.within, strict=True))
        number, commands = self.number - earlier.number, self.commands - earlier.commands
        return Batches(number, commands, self.seconds - earlier.seconds, within)

    @property
    def size(self) -> float:
        return self.commands / max(self.number, 1)

    @property
    def mean(self) -> float:
        return self.seconds / max(self.number, 1)

    def at(self, chance: float) -> float:
        """Seconds that so many of them did not exceed, even between two bounds."""
        wanted, below, counted = chance * self.number, 0.0, 0.0
        for bound, number in self.within:
            if number >= wanted and number > counted:
                above = 2 * below if bound == inf else bound
                return below + (above - below) * max(wanted - counted, 0.0) / (number - counted)
            below, counted = bound, number
        return below


def loaded(door: float, seen: Sequence[Batches]) -> Service:
    """From what was seen at several loads. Nothing computes beside it: that is in the times."""
    seen = sorted((one for one in seen if one.number), key=lambda one: one.size)
    line = fitted({one.size: one.mean for one in seen})
    waits = [Waits(one.size, _spread(one, 1.0)) for one in seen]
    least, most = SIZES
    if seen[0].size > least:
        waits.insert(0, _beyond(seen[0], line, least))
    if seen[-1].size < most:
        waits.append(_beyond(seen[-1], line, most))
    return Service(door, 0.0, 0.0, tuple(waits))


def _beyond(nearest: Batches, line: Fit, size: int) -> Waits:
    times = (line.batch + line.command * size) / (line.batch + line.command * nearest.size)
    return Waits(size, _spread(nearest, times))


def _spread(batches: Batches, times: float) -> tuple[float, ...]:
    """The bounds are far apart: how times lie between them is a guess, their mean is not."""
    found = [batches.at(place / CHANCES) for place in range(CHANCES + 1)]
    factor = times * batches.mean * len(found) / sum(found)
    return tuple(seconds * factor for seconds in found)
