"""Tables that are part of the code though written as data: read once, looked up by the longest leading digits."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.resources import files
from typing import Generic, TypeVar

T = TypeVar("T")


def lines_of(name: str) -> list[str]:
    return files(__package__).joinpath("data", name).read_text("utf-8").splitlines()


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(lines_of(name)))


class Prefixes(Generic[T]):
    """Values by leading digits, without the plus; the longest that matches counts."""

    def __init__(self, values: Mapping[str, T]) -> None:
        self._values = dict(values)
        self._lengths = sorted({len(prefix) for prefix in self._values}, reverse=True)

    def find(self, digits: str) -> T | None:
        for length in self._lengths:
            found = self._values.get(digits[:length])
            if found is not None:
                return found
        return None
