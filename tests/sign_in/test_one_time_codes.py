"""Codes of an authenticator app, as RFC 6238 makes them; each is good once."""

from __future__ import annotations

import pytest

from talktime.core import one_time_codes as codes
from talktime.core.time import SECOND

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_the_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert codes.code_at(SECRET, seconds // 30) == code


def test_a_clock_may_be_half_a_minute_off_and_no_more() -> None:
    now = 2_000_000_000 * SECOND
    step = now // codes.STEP
    good = [codes.step_of(codes.code_at(SECRET, step + off), SECRET, now, after=0) for off in (-2, -1, 0, 1, 2)]
    assert good == [None, step - 1, step, step + 1, None]


def test_a_code_is_good_once_and_so_is_every_earlier_one() -> None:
    now = 2_000_000_000 * SECOND
    step = now // codes.STEP
    assert codes.step_of(codes.code_at(SECRET, step), SECRET, now, after=step) is None
    assert codes.step_of(codes.code_at(SECRET, step - 1), SECRET, now, after=step) is None
    assert codes.step_of(codes.code_at(SECRET, step + 1), SECRET, now, after=step) == step + 1


def test_a_code_is_read_however_it_is_typed() -> None:
    assert [codes.plain(typed) for typed in ("287 082", " 287-082 ", "ABCD-efgh")] == ["287082", "287082", "abcdefgh"]


def test_the_picture_says_whose_account_it_is() -> None:
    link = codes.link_of(SECRET, "Talktime (A & B)", "ann@example.com")
    assert link == (
        "otpauth://totp/Talktime%20%28A%20%26%20B%29:ann@example.com"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Talktime%20%28A%20%26%20B%29"
    )
