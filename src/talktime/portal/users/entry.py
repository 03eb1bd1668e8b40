"""A user as somebody enters him: what stands in the fields, and the body that the API takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from talktime.core.phone import is_usable
from talktime.portal.forms import Form
from talktime.portal.visit import Visit
from talktime.web.problems import FieldError, Problem
from talktime.web.sentences import sentence

FIELDS = ("name", "sign_in_name", "usage_location", "number", "kind", "language")
NEEDED = ("name", "sign_in_name")
_between_digits = re.compile(r"[\s()./\u2010-\u2015-]+")
_is_like_a_number = re.compile(r"[+\d\s()./\u2010-\u2015-]+").fullmatch
Entered = Mapping[str, str]


def new(visit: Visit) -> Entered:
    """Most people are where their organization is, and speak its language."""
    org = visit.organization
    usual = {"usage_location": org.country, "kind": "person", "language": org.language}
    return dict.fromkeys(FIELDS, "") | usual


def of_user(user: Any) -> Entered:
    return {name: user[name] or "" for name in FIELDS}


def of_form(form: Form) -> Entered:
    return {name: form.get(name) for name in FIELDS}


def body_of(entered: Entered) -> dict[str, Any]:
    """Everything that is wrong is told at once."""
    number = plain_number(entered["number"])
    if wrong := list(_wrong(entered, number)):
        raise Problem(422, "invalid", errors=wrong)
    return {**entered, "number": number or None}


def _wrong(entered: Entered, number: str) -> Iterator[FieldError]:
    yield from (needed(name) for name in NEEDED if not entered[name])
    if number and not is_usable(number):
        yield FieldError("number", "invalid_number", sentence("invalid_number"))


def needed(name: str) -> FieldError:
    return FieldError(name, "missing_field", sentence("missing_field"))


def plain_number(text: str) -> str:
    """`+44 (20) 7946-0100` as E.164 has it."""
    return _between_digits.sub("", text)


def known_as(text: str) -> str:
    """What somebody is looked for by: a number is not kept as people read it."""
    return plain_number(text) if _is_like_a_number(text) else text
