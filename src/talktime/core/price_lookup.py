"""What a call would cost now, and the price list as people look through it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from talktime.core.call_types import NOBODY_PAYS, OF_SERVICE_NUMBERS, PRICED_BY, TOLL_FREE_PRICES, CallType
from talktime.core.may_dial import OWN_CALLS
from talktime.core.numbers import Number, NumberKind
from talktime.core.prices import PriceKind, PriceList, Row
from talktime.core.rates import Rate, price

EXAMPLE_MINUTES = (1, 5, 10)
BY_A_PLAN = OWN_CALLS | {CallType.UCAP_OUT}
"""Only with a calling plan can a premium number be called, and only some."""


class Terms(NamedTuple):
    """What is in force for an organization: its own list, or the default of its currency."""

    rows: Sequence[Row]
    charge_decimals: int
    zone: str


class Asked(NamedTuple):
    call_type: CallType
    number: str
    known: Number
    """What is known of it."""
    is_toll_free: bool
    """Of a number of our own."""


class Nothing(NamedTuple):
    """Why there is no rate."""

    reason: str


NOBODY_PAYS_THIS, NOT_CALLABLE, NOT_PRICED = Nothing("nobody_pays"), Nothing("not_callable"), Nothing("no_rate")


def look_up(terms: Terms, asked: Asked, at: int) -> Rate | Nothing:
    kinds = price_kinds(asked.call_type, asked.is_toll_free)
    if not kinds:
        return NOBODY_PAYS_THIS
    if asked.call_type not in OF_SERVICE_NUMBERS and not _may_be_called(asked):
        return NOT_CALLABLE
    digits = asked.number[1:]
    fitting = PriceList(terms.charge_decimals, [row for row in terms.rows if digits.startswith(row.prefix)])
    return fitting.find(kinds, asked.number, at, terms.zone) or NOT_PRICED


def price_kinds(call_type: CallType, is_toll_free: bool) -> tuple[PriceKind, ...]:
    """None where nobody pays."""
    if call_type in NOBODY_PAYS:
        return ()
    if call_type in OF_SERVICE_NUMBERS and is_toll_free:
        return TOLL_FREE_PRICES
    return () if call_type is CallType.UCAP_IN else PRICED_BY[call_type]


def _may_be_called(asked: Asked) -> bool:
    """By somebody at least: where the caller lives is not asked here."""
    return asked.known.is_allowed(asked.known.country if asked.call_type in BY_A_PLAN else None)


def is_toll_free(known: Number, number_type: str | None) -> bool:
    """What a service number was bought as; of other numbers their kind."""
    if number_type is not None:
        return number_type == NumberKind.TOLL_FREE
    return known.kind is NumberKind.TOLL_FREE


def examples(rate: Rate) -> list[tuple[int, int]]:
    """Minutes, and what they cost in micros."""
    return [(minutes, price(rate, 60 * minutes)) for minutes in EXAMPLE_MINUTES]


def in_force(rows: Iterable[Row], at: int) -> list[Row]:
    """Of the rows for one prefix and kind the newest that has begun, by prefix."""
    newest: dict[tuple[str, PriceKind], Row] = {}
    for row in sorted(rows, key=lambda row: row.valid_from):
        if row.valid_from <= at:
            newest[row.prefix, row.kind] = row
    return [newest[key] for key in sorted(newest)]


def matching(rows: Iterable[Row], words: str) -> list[Row]:
    """By part of a destination's name, or by the beginning of a number; of a whole number all that could price it."""
    digits = "".join(words.split()).lstrip("+")
    if digits.isascii() and digits.isdigit():
        return [row for row in rows if row.prefix.startswith(digits) or digits.startswith(row.prefix)]
    wanted = _plain(words)
    return [row for row in rows if wanted in _plain(row.destination)]


def _plain(text: str) -> str:
    """Without case and accents: cote finds Côte."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).strip()
