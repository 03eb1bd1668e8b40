"""Which calls of a portion are there already: nothing is booked twice, and nothing else under the same id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from talktime.core.posting import Known


class Apart(NamedTuple):
    new: pl.DataFrame
    before: pl.DataFrame
    others: pl.DataFrame
    """Of which something else was said before."""


def told_apart(calls: pl.DataFrame, known: Mapping[str, Known]) -> Apart:
    first = calls["call_id"].is_first_distinct()
    there = calls["call_id"].is_in(list(known)) | ~first
    if not there.any():
        return Apart(calls, calls.clear(), calls.clear())
    old = calls.filter(there)
    known = _of_the_file(calls.filter(first), calls.filter(~first)) | dict(known)
    same = pl.Series([known[one].is_same(to, seconds) for one, to, seconds in _said(old)], dtype=pl.Boolean)
    return Apart(calls.filter(~there), old.filter(same), old.filter(~same))


def _of_the_file(firsts: pl.DataFrame, again: pl.DataFrame) -> dict[str, Known]:
    """Calls that are in it more than once are known from the first time on."""
    found = firsts.filter(pl.col("call_id").is_in(again["call_id"].to_list()))
    return {call_id: Known(number, seconds) for call_id, number, seconds in _said(found)}


def _said(calls: pl.DataFrame) -> list[tuple[str, str, int]]:
    return calls.select("call_id", "to", "seconds").rows()
