"""Users as people write them, line by line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import Struct

from talktime.core.countries import is_country
from talktime.core.languages import LANGUAGES
from talktime.core.phone import is_usable
from talktime.core.policies import Policy
from talktime.core.price_rows import BadRow
from talktime.core.sheets import Cells, file_lines

REQUIRED = ("name", "sign_in_name", "usage_location")
COLUMNS = (*REQUIRED, "number", "kind", "language", "licences", "policy")
KINDS = ("person", "resource_account")
TEXT_LENGTH_MAX = 200


class UserLine(Struct, frozen=True):
    number: int
    """Of the line."""
    sign_in_name: str
    values: Mapping[str, Any]
    """What the file says; a column that is not in it says nothing."""
    codes: tuple[str, ...] | None
    """The licences, and no others; None: those that somebody has."""


def read_user_file(content: bytes) -> list[UserLine]:
    once = {"sign_in_name": _sign_in_name, "number": _number}
    found = file_lines(content, REQUIRED, COLUMNS, _values, once)
    return [UserLine(number, values["sign_in_name"], values, values.pop("licences", None)) for number, values in found]


def _sign_in_name(values: Mapping[str, Any]) -> str:
    return str(values["sign_in_name"])


def _number(values: Mapping[str, Any]) -> str | None:
    return values.get("number")


def _values(cells: Cells) -> dict[str, Any]:
    """An empty cell is the usual value, or none."""
    readers: dict[str, Callable[[str, str], Any]] = {
        "name": _text,
        "sign_in_name": _text,
        "usage_location": _country,
        "number": _phone,
        "kind": _kind,
    }
    readers |= {"language": _language, "licences": _codes, "policy": _policy}
    return {name: readers[name](name, cell) for name, cell in cells.items()}


def _text(field: str, cell: str) -> str:
    # As in the forms: everything but what controls.
    if not 0 < len(cell) <= TEXT_LENGTH_MAX or any(sign < " " or sign == "\x7f" for sign in cell):
        raise BadRow(field, f"must have 1 to {TEXT_LENGTH_MAX} characters, and none that controls")
    return cell


def _country(field: str, cell: str) -> str:
    if not is_country(cell.strip()):
        raise BadRow(field, f"{cell[:40]!r} is no country code of ISO 3166-1 alpha-2", "unknown_country")
    return cell.strip()


def _phone(field: str, cell: str) -> str | None:
    if not cell.strip():
        return None
    if not is_usable(cell.strip()):
        raise BadRow(field, f"{cell[:40]!r} is no E.164 number", "invalid_number")
    return cell.strip()


def _kind(field: str, cell: str) -> str:
    return _one_of(KINDS, field, cell) or KINDS[0]


def _language(field: str, cell: str) -> str:
    return _one_of(LANGUAGES, field, cell) or LANGUAGES[0]


def _policy(field: str, cell: str) -> str | None:
    return _one_of([policy.value for policy in Policy], field, cell)


def _one_of(known: Collection[str], field: str, cell: str) -> str | None:
    text = cell.strip()
    if text and text not in known:
        raise BadRow(field, f"{text[:40]!r} is none of {', '.join(known)}")
    return text or None


def _codes(field: str, cell: str) -> tuple[str, ...]:
    return tuple(sorted(set(cell.split())))
