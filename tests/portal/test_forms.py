"""What forms send, however it was made up."""

from __future__ import annotations

import pytest

from talktime.portal.forms import FIELDS_MAX, amount, day, read_form, whole_number
from talktime.web.problems import Problem

MULTIPART = "multipart/form-data; boundary=b"


def part(name: str, content: str, after: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{after}\r\n\r\n{content}\r\n'


def sent(*parts: str) -> bytes:
    return ("".join(parts) + "--b--\r\n").encode()


def test_a_form_with_a_file_is_read() -> None:
    file = part("file", "name,price\r\nOne,1\r\n", '; filename="price list.csv"\r\nContent-Type: text/csv')
    form = read_form(sent(part("token", " abc "), part("roles", "one"), part("roles", "two"), file), MULTIPART)
    assert (form.get("token"), form.all("roles")) == ("abc", ["one", "two"])
    upload = form.files["file"]
    assert (upload.name, upload.content) == ("price list.csv", b"name,price\r\nOne,1\r\n")


def test_a_file_that_was_not_chosen_is_empty() -> None:
    form = read_form(sent(part("file", "", '; filename=""\r\nContent-Type: application/octet-stream')), MULTIPART)
    assert form.files["file"].content == b""


def test_what_is_inside_of_a_part_is_not_unpacked() -> None:
    inner = "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner\r\n--c--"
    form = read_form(sent(part("a", inner, "\r\nContent-Type: multipart/mixed; boundary=c")), MULTIPART)
    assert form.whole("a") == inner


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sent(part("a", "b")), "multipart/form-data"),
        (part("a", "b").encode(), MULTIPART),
        (b"", MULTIPART),
        (b"--b\r\n\r\nnameless\r\n--b--", MULTIPART),
        (sent(*[part("a", "b")] * (FIELDS_MAX + 1)), MULTIPART),
        (sent(part("a", "\0")), MULTIPART),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--', MULTIPART),
        (b"&".join([b"a=b"] * (FIELDS_MAX + 1)), "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"a=%00", "application/x-www-form-urlencoded"),
        (b"a=b", "text/plain"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(Problem) as told:
        read_form(body, kind)
    assert told.value.status == 400


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e9", "1e9999999", "sNaN", "1_000", "0x1", "", "9" * 41])
def test_only_what_is_written_as_an_amount_is_one(text: str) -> None:
    for language in ("en", "ru"):
        with pytest.raises(Problem):
            amount(text, language, "amount")


@pytest.mark.parametrize(
    ("text", "language", "plain"),
    [
        ("1,234.50", "en", "1234.50"),
        ("1 234,50", "ru", "1234.50"),
        ("1\N{NO-BREAK SPACE}234,50", "lv", "1234.50"),
        ("1.234,5", "sl", "1234.5"),
        ("-5", "en", "-5"),
        ("12.5", "bg", "12.5"),
    ],
)
def test_amounts_are_read_as_the_language_writes_them(text: str, language: str, plain: str) -> None:
    assert amount(text, language, "amount") == plain


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "2030-02-30", "today"])
def test_a_day_is_one_of_our_calendar(text: str) -> None:
    with pytest.raises(Problem):
        day(text, "from")
    assert day("", "from") is None


def test_a_number_is_one_that_can_be_kept() -> None:
    assert [whole_number(text) for text in ("12", "", "-1", "9" * 19, "9" * 5000, "x")] == [12] + [None] * 5
