"""Telephone numbers as people write them. Apart from `phone`, since only pages need the formats of all countries."""

from __future__ import annotations

import phonenumbers

from talktime.core.phone import is_usable


def spaced(number: str) -> str:
    """+44 20 7946 0123; what is no whole number stays as it is."""
    if not is_usable(number):
        return number
    try:
        told = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    written = phonenumbers.format_number(told, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return str(written).replace("-", " ").replace(" ", "\N{NO-BREAK SPACE}")
