"""Languages of switches other than our JSON: what they send becomes forms, what they are answered becomes bytes."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from talktime.web.call_forms import Form
from talktime.web.problems import Problem
from talktime.web.routes import Raw

Conversation = Generator[Form, Any, Raw]
"""Yields forms, is sent the body of each answer or thrown its Problem, and returns what is said. It may ask nothing."""
AnyForm = TypeVar("AnyForm")


@dataclass(frozen=True, slots=True)
class Sent:
    """What came in, from somebody whose key is good."""

    body: bytes
    kind: str
    """The content type of the body."""
    query: Mapping[str, str]
    at: int


def explained(problem: Problem, request_id: str) -> Raw:
    """As everywhere: for switches that look at the status and not further."""
    body = msgspec.json.encode(problem.body(request_id))
    headers = problem.headers | {"x-request-id": request_id}
    return Raw(body, "application/problem+json", headers, problem.status)


@dataclass(frozen=True, slots=True)
class Codec:
    asked: Callable[[Sent], Conversation]
    refused: Callable[[Problem, str], Raw] = explained
    """No decision: whatever went wrong, a switch must understand that no call goes on. The text is the request's id."""


Codecs = Mapping[str, Codec]
"""By the path of their route."""


def form_of(kind: type[AnyForm], **values: Any) -> AnyForm:
    """Checked like one that came as JSON. What is empty is not there; `from_` is the field `from`."""
    given = {name.rstrip("_"): value for name, value in values.items() if value not in (None, "")}
    return msgspec.convert(given, kind)


def key_of(headers: Mapping[bytes, bytes]) -> bytes:
    """As a bearer, or for programs that know nothing else as the password of any user."""
    kind, _, given = headers.get(b"authorization", b"").partition(b" ")
    key = given if kind.lower() == b"bearer" else _password(given) if kind.lower() == b"basic" else b""
    if not key:
        raise Problem(401, "unauthorized", headers={"www-authenticate": "Bearer, Basic"})
    return key


def _password(given: bytes) -> bytes:
    try:
        return b64decode(given, validate=True).partition(b":")[2]
    except NoBase64:
        return b""
