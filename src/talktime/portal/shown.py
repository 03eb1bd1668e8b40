"""Money, dates and numbers as pages show them: the filters of all templates."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, get_timezone_location
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from talktime.core.money import decimal, decimals_of, micros
from talktime.core.time import moment
from talktime.languages import formats

Amount = str | int
"""As the API tells it, or in millionths."""
When = str | int | datetime
_MONEY = Markup('<span class="money"><span class="cur">{}</span>\N{NO-BREAK SPACE}{}</span>')
_SUB = Markup('{}<span class="sub">{}</span>{}')


def in_micros(amount: Amount) -> int:
    return amount if isinstance(amount, int) else micros(amount)


def text_of(amount: Amount) -> str:
    return amount if isinstance(amount, str) else decimal(amount)


def money(amount: Amount, currency: str, language: str) -> str:
    """In a sentence: `USD 1,234.50`, half a cent up."""
    return f"{currency}\N{NO-BREAK SPACE}{_rounded(amount, currency, language)}"


def cents(amount: Amount, currency: str, language: str) -> Markup:
    """A headline: what is below a cent is not shown, and never counted up."""
    exact, least = Decimal(in_micros(amount)).scaleb(-6), decimals_of(currency)
    down = exact.quantize(Decimal(1).scaleb(-least), ROUND_FLOOR)
    return _MONEY.format(currency, _written(down, least, language))


def rounded(amount: Amount, currency: str, language: str) -> Markup:
    """A sum of spending: half up."""
    return _MONEY.format(currency, _rounded(amount, currency, language))


def exact(amount: Amount, currency: str, language: str, sign: bool = False) -> Markup:
    """Every digit that is booked; what is below a cent in lighter ink."""
    value, least = in_micros(amount), decimals_of(currency)
    more = formats.money_decimals(value, currency)
    written = _signed(formats.plain_money(abs(value), currency, language, least), value, sign)
    cut = more - least
    if cut <= 0:
        return _MONEY.format(currency, written)
    return _MONEY.format(currency, _SUB.format(written[:-cut], written[-cut:], ""))


def precise(amount: Amount, currency: str, language: str) -> str:
    """In a sentence, with every digit that is booked."""
    value, least = in_micros(amount), decimals_of(currency)
    written = _signed(formats.plain_money(abs(value), currency, language, least), value, sign=False)
    return f"{currency}\N{NO-BREAK SPACE}{written}"


def _signed(written: str, value: int, sign: bool) -> str:
    mark = "\N{MINUS SIGN}" if value < 0 else "+" if sign and value > 0 else ""
    return mark + written


def _rounded(amount: Amount, currency: str, language: str) -> str:
    value, least = in_micros(amount), decimals_of(currency)
    step = 10 ** (6 - least)
    whole = (2 * abs(value) + step) // (2 * step) * step
    return _signed(formats.plain_money(whole, currency, language, least), value, sign=False)


def _written(value: Decimal, least: int, language: str) -> str:
    pattern = "#,##0" + ("." + "0" * least if least else "")
    return format_decimal(value, pattern, locale=language).replace("-", "\N{MINUS SIGN}")


def field_money(amount: Amount | None, currency: str, language: str) -> str:
    """In a field, where it can be changed: without the currency."""
    if amount is None or amount == "":
        return ""
    return formats.plain_money(in_micros(amount), currency, language)


def whole(amount: Amount, currency: str, language: str) -> str:
    """Of a pick, without decimals that are noughts."""
    value = Decimal(in_micros(amount)).scaleb(-6)
    return f"{currency}\N{NO-BREAK SPACE}{format_decimal(value.normalize(), locale=language)}"


def number(value: int | float | str | Decimal, language: str) -> str:
    return format_decimal(Decimal(str(value)), locale=language)


def percent(part: int, whole: int, language: str) -> str:
    return formats.percent(10_000 * part // whole if whole else 0, language)


def at(when: When, zone: str) -> datetime:
    match when:
        case datetime():
            found = when
        case int():
            found = moment(when)
        case _:
            found = datetime.fromisoformat(when)
    return found.astimezone(ZoneInfo(zone))


def day(when: When, zone: str, language: str) -> str:
    """Nov 20, 2026"""
    return format_date(at(when, zone), "medium", locale=language)


def short_day(when: When | date, zone: str, language: str) -> str:
    """Nov 20"""
    found = when if isinstance(when, date) and not isinstance(when, datetime) else at(when, zone)
    return format_skeleton("MMMd", found, locale=language)


def date_text(when: str | date, language: str) -> str:
    """A day of the calendar, as the API tells it."""
    found = date.fromisoformat(when) if isinstance(when, str) else when
    return format_date(found, "medium", locale=language)


def moment_text(when: When, zone: str, language: str) -> str:
    """Nov 20, 2026, 2:32 PM"""
    found = at(when, zone)
    return format_datetime(found, "medium", locale=language).replace(
        format_time(found, "medium", locale=language), format_time(found, "short", locale=language)
    )


def clock(when: When, zone: str, language: str) -> str:
    """2:32 PM"""
    return format_time(at(when, zone), "short", locale=language)


def month(name: str, language: str, year: bool = True) -> str:
    """`2026-11` as November 2026."""
    first = date.fromisoformat(f"{name}-01")
    return (
        format_skeleton("yMMMM" if year else "MMMM", first, locale=language) if year else month_alone(first, language)
    )


def month_alone(first: date, language: str) -> str:
    return format_date(first, "LLLL", locale=language)


def place_of(zone: str, language: str) -> str:
    """The town of a time zone."""
    return get_timezone_location(ZoneInfo(zone), locale=language, return_city=True)


def country(code: str, language: str) -> str:
    return str(Locale(language).territories.get(code, code))


def duration(seconds: int) -> str:
    """4:05, and 1:02:03 from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def card(brand: str, last4: str, ending: str) -> Markup:
    """`ending`: what is said in place of the dots to who hears the page."""
    dots = Markup('<span class="nowrap">{} <span aria-hidden="true">••••</span><span class="vh">{}</span> {}</span>')
    return dots.format(brand, ending, last4)


def mark(text: str, **values: object) -> Markup:
    """A sentence with its figures in **bold**: translators move them as their language wants. `values` are filled in
    afterwards: names that people choose may have stars of their own."""
    parts = str(escape(text)).split("**")
    marked = Markup("".join(f"<b>{part}</b>" if odd % 2 else part for odd, part in enumerate(parts)))
    return marked.format(**values) if values else marked
