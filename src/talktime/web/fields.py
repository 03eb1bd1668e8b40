"""The kinds of fields that forms share, with what the documentation says of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct

from talktime.actions.audit import Actor
from talktime.core.money import micros
from talktime.core.time import NEVER, instant, moment
from talktime.web.problems import invalid
from talktime.web.routes import Request

_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*\Z"
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NO_CONTROLS)]
Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=_NO_CONTROLS)]
Amount = Annotated[
    str, Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?\Z", description="A decimal string with at most 6 decimals.")
]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset.")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2.")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217.")]


def positive(field: str, text: str) -> int:
    amount = amount_of(field, text)
    if amount <= 0:
        raise invalid(field, "It must be above zero.", "out_of_range")
    return amount


def amount_of(field: str, text: str) -> int:
    try:
        return micros(text)
    except ValueError as error:
        raise invalid(field, f"{error}.") from error


def end_of(given: datetime | None) -> int:
    return NEVER if given is None else instant(given)


def shown_end(at: int) -> datetime | None:
    return None if at >= NEVER else moment(at)


def optional(at: int | None) -> datetime | None:
    return None if at is None else moment(at)


def given(form: Struct) -> Mapping[str, Any]:
    """The fields that were sent."""
    values = {name: getattr(form, name) for name in form.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


def actor(request: Request[Any]) -> Actor:
    """Who asks, and when."""
    return Actor(request.by, request.now)
