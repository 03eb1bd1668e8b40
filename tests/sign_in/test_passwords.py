"""Which passwords are good enough."""

from __future__ import annotations

import pytest

from talktime.core.passwords import Weakness, weakness_of
from talktime.web.sentences import SENTENCES

ABOUT = ("Ann Archer", "ann.archer@contoso.example")


@pytest.mark.parametrize(
    "password",
    [
        "four words are easily kept",
        "moss lantern 47 harbour",
        "v8#Lq2!tRz0w",
        "tikai vienu reizi mūžā",
        "ann and three other words",
    ],
)
def test_a_password_that_is_hard_to_guess_is_good(password: str) -> None:
    assert weakness_of(password, 12, ABOUT) is None


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("", Weakness.TOO_SHORT),
        ("v8#Lq2!tRz0", Weakness.TOO_SHORT),
        ("x" * 201, Weakness.TOO_LONG),
        ("password1234", Weakness.GUESSABLE),
        ("P@ssw0rd2026", Weakness.GUESSABLE),
        ("qwertyuiop12", Weakness.GUESSABLE),
        ("aaaaaaaaaaaaaaaaaaaa", Weakness.GUESSABLE),
        ("паролапарола", Weakness.GUESSABLE),
        ("parole123456", Weakness.GUESSABLE),
        ("geslogeslogeslo", Weakness.GUESSABLE),
        ("AnnArcher2026", Weakness.PERSONAL),
        ("archer.ann.contoso", Weakness.PERSONAL),
    ],
)
def test_a_password_that_others_guess_is_refused(password: str, weakness: Weakness) -> None:
    assert weakness_of(password, 12, ABOUT) is weakness


def test_an_organization_may_ask_for_longer_ones() -> None:
    assert weakness_of("moss lantern 47", 16, ABOUT) is Weakness.TOO_SHORT


def test_every_weakness_has_a_sentence() -> None:
    assert [one for one in Weakness if one not in SENTENCES] == []
