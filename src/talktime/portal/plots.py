"""What charts have in common: axes, boxes and labels. Values stay whole numbers; only a position has decimals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from talktime.core.money import round_half_up

HEIGHT = 100
WIDTH = 1000
COLUMN = 10
"""The width of a bar with its gap. Plots stretch with their frame, so these are proportions, no pixels."""
STEPS_MAX = 5
LABELS_MAX = 8
"""So many bars each have a label of their own below; of more, five have."""

Ticks = Callable[[int], str]
"""How a value is written beside the axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From nothing up to `top`, with a line at each step."""

    step: int
    steps: int

    @property
    def top(self) -> int:
        return self.step * self.steps

    @property
    def ticks(self) -> tuple[int, ...]:
        """From the top down, as they stand beside the plot."""
        return tuple(self.step * place for place in range(self.steps, -1, -1))

    def height(self, value: int) -> float:
        return part_of(value, self.top, HEIGHT)

    def y(self, value: int) -> float:
        return round(HEIGHT - self.height(value), 2)


def axis(most: int, finest: int = 1) -> Axis:
    """The finest of 1, 2 and 5 times a power of ten of which five steps are enough."""
    step = next(step for step in _nice_steps(finest) if step * STEPS_MAX >= most)
    return Axis(step, max(1, -(-most // step)))


def part_of(value: int, whole: int, length: int) -> float:
    """What is below nothing or above the whole is not drawn; its figure stands in words."""
    return round(length * min(max(value, 0), whole) / whole, 2) if whole > 0 else 0.0


def _nice_steps(finest: int) -> Iterator[int]:
    return (finest * factor * 10**power for power in count() for factor in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class Box:
    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A word below the plot. The far ones are left out on a phone."""

    text: str
    far: bool = False


def labels(texts: Sequence[str]) -> tuple[Label, ...]:
    """All of few; of many five at even distances, three on a phone."""
    if len(texts) <= LABELS_MAX:
        return tuple(Label(text) for text in texts)
    last = len(texts) - 1
    return tuple(Label(texts[round_half_up(last * place, 4)], far=place % 2 == 1) for place in range(5))
