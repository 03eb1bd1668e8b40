"""What a page's form sends: addresses of pages and bodies, read with limits; amounts as the reader writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qs

from babel.numbers import NumberFormatError, parse_decimal
from msgspec import Struct

from talktime.web.problems import Problem, invalid

FIELDS_MAX = 1_000
AMOUNT_LENGTH_MAX = 40
MULTIPART = "multipart/form-data"


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

    def is_on(self, name: str) -> bool:
        return bool(self.get(name))


EMPTY = Form({})


def read_form(body: bytes, content_type: str) -> Form:
    kind = content_type.split(";")[0].strip().lower()
    try:
        if kind == MULTIPART:
            return _multipart(body, content_type)
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
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = BytesParser(_class=EmailMessage, policy=HTTP).parsebytes(head + body)
    values: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", "", "content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if (filename := part.get_filename()) is not None:
            files[name] = Upload(filename[:200], content)
        else:
            values.setdefault(name, []).append(content.decode())
    return Form(_checked(values), files)


def amount(text: str, language: str, field: str) -> str:
    """`1 234,50` of a Latvian is `1234.5` in the API."""
    plain = text.replace("\N{NO-BREAK SPACE}", " ").strip()
    if not plain or len(plain) > AMOUNT_LENGTH_MAX:
        raise invalid(field, "This is needed.", "missing_field")
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
