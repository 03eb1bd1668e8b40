"""What stays the same until a key is reached: prefixes, dated rows, hours of the week and clock changes, all alike."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

LEAST = -(2**62)
"""Below every key."""
SEARCHED = -(2**62)
"""In place of a value: it depends on more than the head."""


class Steps:
    """A whole number for each key: that of the last point at or before it."""

    def __init__(self, points: Iterable[tuple[int, int]], before: int = 0) -> None:
        keys, values = [LEAST], [before]
        for key, value in points:
            if value != values[-1]:
                keys.append(key)
                values.append(value)
        self._keys = pl.Series(keys, dtype=pl.Int64)
        self._values = pl.Series(values, dtype=pl.Int64)

    def at(self, keys: pl.Series) -> pl.Series:
        return self.valued(self.places(keys))

    def places(self, keys: pl.Series) -> pl.Series:
        return self._keys.search_sorted(keys, side="right") - 1

    def valued(self, places: pl.Series) -> pl.Series:
        return self._values.gather(places)


class Headed:
    """The same, for many keys of which most are told apart by their heads: these are looked up without a search."""

    def __init__(self, steps: Steps, size: int, end: int, rest: tuple[int, int]) -> None:
        """`size`: how many keys have one head. `rest`: the least and the last that may follow a head."""
        self._steps, self._size = steps, size
        heads = pl.int_range(0, end, size, dtype=pl.Int64, eager=True)
        first, last = (steps.places(heads + one) for one in rest)
        values = pl.DataFrame({"value": steps.valued(first), "same": first == last})
        self._values = values.select(pl.when("same").then("value").otherwise(SEARCHED)).to_series()

    def at(self, keys: pl.Series) -> pl.Series:
        values = self._values.gather(keys // self._size)
        searched = values == SEARCHED
        if not searched.any():
            return values
        return values.scatter(searched.arg_true(), self._steps.at(keys.filter(searched)))
