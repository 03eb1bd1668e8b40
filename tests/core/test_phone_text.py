from __future__ import annotations

import pytest

from talktime.core.phone_text import spaced


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+442079460123", "+44 20 7946 0123"),
        ("+12025550123", "+1 202 555 0123"),
        ("+2101234567", "+2101234567"),
        ("+442079460***", "+442079460***"),
        ("911", "911"),
        ("", ""),
    ],
)
def test_a_number_is_written_as_people_write_it_and_never_breaks(number: str, written: str) -> None:
    assert spaced(number) == written.replace(" ", "\N{NO-BREAK SPACE}")
