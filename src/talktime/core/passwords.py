"""Which passwords are good enough: long, hard to guess, and not made of the person's own name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from zxcvbn import zxcvbn

from talktime.core.sign_in_rules import PASSWORD_LENGTH_MOST

SCORE_LEAST = 3
"""Of 0 to 4: more than a hundred million guesses."""
LOOKED_AT = 72
"""What is longer is hard enough to guess by its beginning, or too long to look at."""
OWN_LENGTH, REST_LENGTH = 3, 8
# What the lists, made of English leaks, do not know.
COMMON_HERE = ("пароль", "парола", "parole", "parola", "geslo", "йцукен", "йцукенг", "явертъ", "qwertz", "talktime")


class Weakness(StrEnum):
    TOO_SHORT = "password_too_short"
    TOO_LONG = "password_too_long"
    PERSONAL = "password_personal"
    GUESSABLE = "password_guessable"


def weakness_of(password: str, length_least: int, about: Iterable[str]) -> Weakness | None:
    """`about`: the person's name and address."""
    if len(password) < length_least:
        return Weakness.TOO_SHORT
    if len(password) > PASSWORD_LENGTH_MOST:
        return Weakness.TOO_LONG
    own = own_words(about)
    if len(_without(password.casefold(), own)) < REST_LENGTH:
        return Weakness.PERSONAL
    guessed = zxcvbn(password[:LOOKED_AT], user_inputs=[*own, *COMMON_HERE])
    return Weakness.GUESSABLE if guessed["score"] < SCORE_LEAST else None


def own_words(about: Iterable[str]) -> list[str]:
    """The longest first, so that what is left of a word is no other's part."""
    words = {word for text in about for word in re.split(r"[\W_]+", text.casefold()) if len(word) >= OWN_LENGTH}
    return sorted(words, key=lambda word: (-len(word), word))


def _without(text: str, words: Iterable[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text
