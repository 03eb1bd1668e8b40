"""Money, dates and numbers as the reader writes them. The currency is always named by its code."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from talktime.core.money import MICROS_PER_UNIT, decimals_of
from talktime.core.time import moment


def money(amount: int, currency: str, language: str, least: int = 0) -> str:
    """`USD 1,234.50`: all decimals that the currency has, more where the amount has more."""
    return f"{currency}\N{NO-BREAK SPACE}{plain_money(amount, currency, language, least)}"


def plain_money(amount: int, currency: str, language: str, least: int = 0) -> str:
    """`least`: so many decimals at least, so that a column of amounts stands well."""
    decimals = max(least, money_decimals(amount, currency))
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return format_decimal(Decimal(amount) / MICROS_PER_UNIT, pattern, locale=language)


def money_decimals(amount: int, currency: str) -> int:
    exact = Decimal(amount) / MICROS_PER_UNIT
    return max(decimals_of(currency), -int(exact.normalize().as_tuple().exponent))


def percent(hundredths: int, language: str) -> str:
    return format_percent(Decimal(hundredths) / 10_000, locale=language, decimal_quantization=False)


def number(value: int, language: str) -> str:
    return format_decimal(value, locale=language)


def day(at: int, zone: str, language: str) -> str:
    return format_date(_local(at, zone), "long", locale=language)


def day_and_time(at: int, zone: str, language: str) -> str:
    return format_datetime(_local(at, zone), "long", locale=language)


def _local(at: int, zone: str) -> datetime:
    return moment(at).astimezone(ZoneInfo(zone))
