"""Whose last digits are not shown: the other party's, where the law of the organization's country wants it so."""

from __future__ import annotations

import re

from talktime.core.call_types import INBOUND

_DIGITS = {
    **dict.fromkeys(("BE", "DE", "DK", "ES", "FI", "IT", "NL", "NO", "SE"), 3),
    **dict.fromkeys(("CH", "FR"), 4),
}
_RUN = re.compile(r"[0-9]+")


def digits_hidden(country: str) -> int:
    """`country`: the organization's, wherever its users are."""
    return _DIGITS.get(country, 0)


def masked(text: str, digits: int) -> str:
    """What calls itself a number need not be one: in an address or a name each group of digits loses its last ones."""
    return _RUN.sub(lambda run: _without_last(run[0], digits), text) if digits else text


def _without_last(run: str, digits: int) -> str:
    kept = max(len(run) - digits, 0)
    return run[:kept] + "*" * (len(run) - kept)


def parties(call_type: str, caller: str, number: str, digits: int) -> tuple[str, str]:
    """Caller and number as they may be shown: on inbound calls the caller is the other party, else who was called."""
    if call_type in INBOUND:
        return masked(caller, digits), number
    # Without a plus it is a short number such as 112: nobody's own.
    return caller, masked(number, digits) if number.startswith("+") else number
