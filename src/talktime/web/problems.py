"""What is answered when something is not done: RFC 9457, with a code for programs and a sentence for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from talktime.actions.errors import ActionError, InvalidMany
from talktime.core.gateway import ProviderError
from talktime.web.sentences import sentence


class FieldError(Struct, frozen=True):
    field: str
    code: str
    detail: str


class ProblemBody(Struct, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: tuple[FieldError, ...] = ()


class Problem(Exception):
    def __init__(
        self,
        status: int,
        code: str,
        detail: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code)
        self.values = dict(values or {})
        """What the sentence is filled with: pages say it in other languages."""
        self.status = status
        self.code = code
        self.detail = sentence(code) if detail is None else detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> ProblemBody:
        title = HTTPStatus(self.status).phrase
        kind = f"urn:talktime:problem:{self.code}"
        return ProblemBody(kind, title, self.status, self.detail, self.code, request_id, self.errors)


def problem_of(error: Exception) -> Problem | None:
    """None for what is nobody's fault but ours."""
    match error:
        case Problem():
            return error
        case InvalidMany():
            return Problem(422, error.code, errors=[FieldError(*one) for one in error.errors])
        case ActionError():
            detail = sentence(error.code, **error.values)
            about = [FieldError(error.field, error.code, detail)] if error.field else []
            return Problem(error.status, error.code, detail, about, values=error.values)
        case ProviderError():
            return Problem(503, "provider_not_available", headers={"retry-after": "30"})
        case msgspec.ValidationError():
            return of_validation(str(error))
        case msgspec.DecodeError() | UnicodeDecodeError() | RecursionError():
            return Problem(400, "malformed", f"The body is no JSON that can be read: {error}.")
    return None


UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding a body may raise: the library passes on what is no UTF-8, and what is nested too deeply."""
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")


def of_validation(message: str) -> Problem:
    """The library says what is wrong and where; we say it in our form."""
    what, _, where = message.partition(" - at `$")
    path = re.sub(r"\[(\.\.\.|\d+)\]", "", where.rstrip("`")).lstrip(".")
    for pattern, code in ((_UNKNOWN, "unknown_field"), (_MISSING, "missing_field")):
        if found := pattern.match(what):
            field = f"{path}.{found[1]}" if path else found[1]
            return _of_field(field, code, what)
    return _of_field(path, "invalid_value", what)


def _of_field(field: str, code: str, what: str) -> Problem:
    detail = f"{what}."
    if not field:
        return Problem(422, code, detail)
    return Problem(422, code, f"{field}: {detail}", [FieldError(field, code, detail)])


def invalid(field: str, detail: str, code: str = "invalid_value") -> Problem:
    return Problem(422, code, f"{field}: {detail}", [FieldError(field, code, detail)])


def without_zero(body: bytes) -> bytes:
    """The one character that not every database keeps, so no text may have it. As itself it is no JSON."""
    if rb"\u0000" in body and (path := _zero_in(msgspec.json.decode(body))) is not None:
        raise _of_field(path, "invalid_value", "No text may hold the character U+0000")
    return body


def _zero_in(value: Any) -> str | None:
    """Where it is, empty for the value itself."""
    match value:
        case str() if "\0" in value:
            return ""
        case dict():
            inside = {name: "" if "\0" in name else _zero_in(one) for name, one in value.items()}
            return next((f"{name}.{path}".rstrip(".") for name, path in inside.items() if path is not None), None)
        case list():
            return next((path for one in value if (path := _zero_in(one)) is not None), None)
    return None
