"""One row of a price list as people write it, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from talktime.core.money import micros
from talktime.core.prices import PriceKind, Row, Window

SECONDS_MAX = 86_400
DESTINATION_LENGTH_MAX = 200

_is_prefix = re.compile(r"[0-9]{1,15}").fullmatch
_is_clock = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00").fullmatch
_days = re.compile(r"([1-7])(?:-([1-7]))?").fullmatch


class BadRow(ValueError):
    def __init__(self, field: str, detail: str, code: str = "invalid_value") -> None:
        super().__init__(detail)
        self.field, self.detail, self.code = field, detail, code


class WindowText(NamedTuple):
    """A time of the week as people write it: days "1-5" or "6,7", from "08:00" to "19:00"."""

    days: str
    begins: str
    ends: str
    per_minute: str
    connection_fee: str


class RowText(NamedTuple):
    """A row as people write it."""

    prefix: str
    per_minute: str
    destination: str = ""
    connection_fee: str = "0"
    initial_seconds: int = 60
    step_seconds: int = 60
    kind: str = PriceKind.OUTBOUND
    valid_from: int = 0
    windows: tuple[WindowText, ...] = ()


def row_of(text: RowText) -> Row:
    if not _is_prefix(text.prefix) or not text.prefix.isascii():
        raise BadRow("prefix", f"{text.prefix[:40]!r} is not 1 to 15 digits")
    if len(text.destination) > DESTINATION_LENGTH_MAX:
        raise BadRow("destination", f"longer than {DESTINATION_LENGTH_MAX} characters")
    return Row(
        text.prefix,
        text.destination,
        _price("per_minute", text.per_minute),
        _price("connection_fee", text.connection_fee),
        _seconds("initial_seconds", text.initial_seconds),
        _seconds("step_seconds", text.step_seconds),
        _kind(text.kind),
        text.valid_from,
        tuple(_window(window) for window in text.windows) if text.windows else (),
    )


def _price(name: str, text: str) -> int:
    try:
        amount = micros(text)
    except ValueError:
        raise BadRow(name, f"{text[:40]!r} is no decimal string with at most 6 decimals") from None
    if amount < 0:
        raise BadRow(name, "is below zero")
    return amount


def _seconds(name: str, seconds: int) -> int:
    if not 1 <= seconds <= SECONDS_MAX:
        raise BadRow(name, f"must be 1 to {SECONDS_MAX}")
    return seconds


_KINDS = {kind.value: kind for kind in PriceKind}


def _kind(text: str) -> PriceKind:
    kind = _KINDS.get(text)
    if kind is None:
        raise BadRow("kind", f"{text[:40]!r} is none of {', '.join(_KINDS)}")
    return kind


def _window(text: WindowText) -> Window:
    try:
        return Window(
            _days_of(text.days),
            _minute(text.begins),
            _minute(text.ends),
            _price("per_minute", text.per_minute),
            _price("connection_fee", text.connection_fee),
        )
    except BadRow as error:
        raise BadRow("windows", f"{error.field}: {error.detail}") from error


def _days_of(text: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in text.split(","):
        found = _days(part.strip())
        if found is None or int(found[2] or 7) < int(found[1]):
            raise BadRow("days", f"{text[:40]!r} is not like '1-5' or '6,7' (Monday is 1)")
        days |= set(range(int(found[1]), int(found[2] or found[1]) + 1))
    return tuple(sorted(days))


def _minute(text: str) -> int:
    if not _is_clock(text):
        raise BadRow("time", f"{text[:40]!r} is no time of the day like 08:00")
    return int(text[:2]) * 60 + int(text[3:])


def days_text(days: Sequence[int]) -> str:
    """As short as can be: "1-5", "6-7", "1,3"."""
    if len(days) > 1 and days[-1] - days[0] == len(days) - 1:
        return f"{days[0]}-{days[-1]}"
    return ",".join(map(str, days))


def clock_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
