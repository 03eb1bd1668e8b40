"""What core knows of called numbers, for whole columns: it is asked once wherever its answer may change."""

from __future__ import annotations

import polars as pl

from talktime.core.numbers import Number, Numbers
from talktime.rating.numbers import DIGITS_MAX
from talktime.rating.steps import Steps


class NumberClasses:
    """Of two numbers of one class all is alike that rules ask. `samples`: one of each."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._prefixes = sorted(numbers.prefixes())
        self._steps: dict[int, Steps] = {}
        self._known: dict[Number, int] = {}
        self._strange: dict[str, int] = {}
        self.samples: list[str] = []

    def of(self, numbers: pl.Series, keys: pl.Series) -> pl.Series:
        """`keys`: as `numbers.key_of` makes them; null where it is no number that all the world can call."""
        classes = pl.Series([0], dtype=pl.Int64).new_from_index(0, len(keys))
        lengths = (keys % 16).fill_null(0)
        for length in lengths.unique().to_list():
            here = (lengths == length).arg_true()
            found = self._usable(keys.gather(here), length) if length else self._unusable(numbers.gather(here))
            classes = classes.scatter(here, found)
        return classes

    def _usable(self, keys: pl.Series, length: int) -> pl.Series:
        """By their digits alone: whole numbers of one length stand in the order of their prefixes."""
        steps = self._steps.get(length)
        if steps is None:
            steps = self._steps[length] = Steps((edge, self._class(edge, length)) for edge in self._edges(length))
        return steps.at(keys // 16 // 10 ** (DIGITS_MAX - length))

    def _edges(self, length: int) -> list[int]:
        edges = {0}
        for prefix in self._prefixes:
            if len(prefix) <= length:
                size = 10 ** (length - len(prefix))
                edges |= {int(prefix) * size, (int(prefix) + 1) * size}
        return sorted(edge for edge in edges if edge < 10**length)

    def _class(self, edge: int, length: int) -> int:
        sample = f"+{edge:0{length}d}"
        known = self._numbers.of(sample)
        return self._known.setdefault(known, self._new(sample) if known not in self._known else -1)

    def _unusable(self, numbers: pl.Series) -> pl.Series:
        """Short numbers, and what is none: each by itself."""
        for number in numbers.unique().to_list():
            if number not in self._strange:
                self._strange[number] = self._new(number)
        places = [self._strange[number] for number in numbers.to_list()]
        return pl.Series(places, dtype=pl.Int64)

    def _new(self, sample: str) -> int:
        self.samples.append(sample)
        return len(self.samples) - 1
