"""What a page's form sends: addresses of pages and bodies, read with limits; amounts as the reader writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import parse_qs

from babel.numbers import NumberFormatError, parse_decimal
from msgspec import Struct

from talktime.web.problems import Problem, invalid

FIELDS_MAX = 1_000
AMOUNT_LENGTH_MAX = 40
HEAD_MAX = 4096
"""Of a part: its names."""
NUMBER_MAX = 2**63 - 1
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
"""Calendars end somewhere, and nobody asks for what is beyond."""
PLAIN, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_boundary = re.compile(r";\s*boundary=(?:\"([^\"]{1,70})\"|([^\";\s]{1,70}))", re.IGNORECASE | re.ASCII).search
_name = re.compile(r"[;\s]name=\"([^\"]*)\"", re.IGNORECASE).search
_file_name = re.compile(r"[;\s]filename=\"([^\"]*)\"", re.IGNORECASE).search
_amount = re.compile(r"[\d\s.,'\N{RIGHT SINGLE QUOTATION MARK}+\-\N{MINUS SIGN}]+").fullmatch


class Upload(Struct, frozen=True):
    """A file that was sent along."""

    name: str
    content: bytes


class Form:
    """Every field may be there more than once; most are asked for once."""

    def __init__(self, values: Mapping[str, Sequence[str]], files: Mapping[str, Upload] | None = None) -> None:
        self._values = values
        self.files = dict(files or {})

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, otherwise: str = "") -> str:
        """Without the spaces around it, as people paste them."""
        found = self._values.get(name)
        return found[0].strip() if found else otherwise

    def whole(self, name: str) -> str:
        """As it was typed: of a password every character counts."""
        found = self._values.get(name)
        return found[0] if found else ""

    def all(self, name: str) -> list[str]:
        return [value.strip() for value in self._values.get(name, ())]

    def maybe(self, name: str) -> str | None:
        """Nothing where nothing was entered."""
        return self.get(name) or None

    def needed(self, name: str) -> str:
        """A Problem where nothing was entered."""
        if not self.get(name):
            raise invalid(name, "This is needed.", "missing_field")
        return self.get(name)

    def is_on(self, name: str) -> bool:
        return bool(self.get(name))


EMPTY = Form({})


def read_form(body: bytes, content_type: str) -> Form:
    kind = content_type.split(";")[0].strip().lower()
    try:
        if kind == MULTIPART:
            return _multipart(body, content_type)
        if kind not in ("", PLAIN):
            raise ValueError("no form")
        return Form(_checked(parse_qs(body.decode("ascii"), True, max_num_fields=FIELDS_MAX, errors="strict")))
    except (ValueError, LookupError) as error:
        raise Problem(400, "malformed") from error


def read_query(raw: bytes) -> Form:
    try:
        return Form(_checked(parse_qs(raw.decode("ascii"), True, max_num_fields=FIELDS_MAX, errors="strict")))
    except ValueError as error:
        raise Problem(400, "malformed") from error


def _checked(values: dict[str, list[str]]) -> dict[str, list[str]]:
    """The one character that not every database keeps."""
    if any("\0" in one for found in values.values() for one in found):
        raise ValueError("zero byte")
    return values


def _multipart(body: bytes, content_type: str) -> Form:
    """Cut at its boundaries and nowhere else: what is inside of a part is nobody's to unpack."""
    found = _boundary(content_type)
    if found is None:
        raise ValueError("no boundary")
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + (found[1] or found[2]).encode(), FIELDS_MAX + 1)
    if not parts or not parts.pop().startswith(b"--"):
        raise ValueError("no end")
    values: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    for part in parts:
        _keep(part, values, files)
    return Form(_checked(values), files)


def _keep(part: bytes, values: dict[str, list[str]], files: dict[str, Upload]) -> None:
    head, _, content = part.partition(b"\r\n\r\n")
    about = head[:HEAD_MAX].decode()
    name, file_name = _name(about), _file_name(about)
    if name is None:
        raise ValueError("a part without a name")
    if file_name:
        files[name[1]] = Upload(file_name[1][:200], content)
    else:
        values.setdefault(name[1], []).append(content.decode())


def amount(text: str, language: str, field: str) -> str:
    """`1 234,50` of a Latvian is `1234.5` in the API."""
    plain = text.replace("\N{NO-BREAK SPACE}", " ").strip()
    if not plain or len(plain) > AMOUNT_LENGTH_MAX:
        raise invalid(field, "This is needed.", "missing_field")
    if not _amount(plain):
        # Also `1e9`, which few people mean and which might be of any length.
        raise invalid(field, "This is no amount.", "no_amount")
    try:
        return f"{parse_decimal(_spaced(plain, language), locale=language, strict=True):f}"
    except NumberFormatError:
        pass
    try:
        # Who types the point of a programmer means the decimals, where that is no sign of thousands.
        return f"{parse_decimal(plain.replace(' ', ''), locale='en', strict=True):f}"
    except NumberFormatError as error:
        raise invalid(field, "This is no amount.", "no_amount") from error


def _spaced(text: str, language: str) -> str:
    """People type the plain space where CLDR has a narrow one."""
    return text.replace(" ", "") if language != "en" else text


def optional_amount(text: str, language: str, field: str) -> str | None:
    return amount(text, language, field) if text.strip() else None


def day(text: str, field: str) -> date | None:
    """As browsers send it; nothing where nothing was entered."""
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise invalid(field, "This is no day.", "no_day") from error
    if not FIRST_DAY <= found <= LAST_DAY:
        raise invalid(field, "This is no day.", "no_day")
    return found


def whole_number(text: str) -> int | None:
    """Of an address, where it may be anything: nothing for what no column holds."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(NUMBER_MAX))
    return int(text) if is_number and int(text) <= NUMBER_MAX else None
