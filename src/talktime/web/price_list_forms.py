"""The JSON of price lists: what may come in, and how lists look from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from talktime.actions.prices import Known
from talktime.core import price_rows
from talktime.core.money import decimal
from talktime.core.price_rows import RowText, WindowText
from talktime.core.prices import PriceKind, Row, Window
from talktime.core.time import instant, moment
from talktime.storage.price_store import Version
from talktime.web.fields import Currency, Instant, Text, optional

Price = Annotated[str, Meta(description="A decimal string, not below zero.")]
Decimals = Annotated[int, Meta(ge=0, le=6, description="To how many decimals a charge is rounded.")]
Step = Annotated[int, Meta(ge=1, le=price_rows.SECONDS_MAX)]


class WindowForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """Another price at some hours of the week, in the organization's zone."""

    days: Annotated[str, Meta(description='Monday is 1: "1-5" or "6,7".')]
    begins: str = msgspec.field(name="from")
    ends: str = msgspec.field(name="to")
    per_minute: Price
    connection_fee: Price = "0"

    def text(self) -> WindowText:
        return WindowText(self.days, self.begins, self.ends, self.per_minute, self.connection_fee)


class RowForm(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    prefix: Annotated[str, Meta(description="1 to 15 digits, without +.")]
    per_minute: Price
    destination: str = ""
    connection_fee: Price = "0"
    initial_seconds: Step = 60
    step_seconds: Step = 60
    kind: PriceKind = PriceKind.OUTBOUND
    valid_from: Instant | None = None
    """Null: from the publication on."""
    windows: Annotated[list[WindowForm], Meta(max_length=50)] = []

    def text(self) -> RowText:
        return RowText(
            self.prefix,
            self.per_minute,
            self.destination,
            self.connection_fee,
            self.initial_seconds,
            self.step_seconds,
            self.kind.value,
            instant(self.valid_from) if self.valid_from else 0,
            tuple([window.text() for window in self.windows]),
        )


class PriceListForm(Struct, forbid_unknown_fields=True, kw_only=True):
    currency: Currency
    charge_decimals: Decimals
    rows: Annotated[list[RowForm], Meta(min_length=1)]
    name: Text = "Price list"
    default: bool = False
    """The list of organizations of its currency that have none of their own."""


class PriceListDraft(Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of POST; what is left out stays as it is. Name and default change at once, prices by publication."""

    rows: Annotated[list[RowForm], Meta(min_length=1)]
    currency: Currency | None = None
    charge_decimals: Decimals | None = None
    name: Text | None = None
    default: bool | None = None


class FileQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a file does not say of itself; for text/csv only."""

    name: Text | None = None
    currency: Currency | None = None
    charge_decimals: Decimals | None = None
    default: bool | None = None


class PriceListChange(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Text | UnsetType = UNSET
    default: bool | UnsetType = UNSET


class PublishForm(Struct, forbid_unknown_fields=True, kw_only=True):
    at: Instant | None = None
    """Missing, or not in the future: now."""


class VersionBody(Struct, kw_only=True):
    version: int
    state: Literal["draft", "scheduled", "published"]
    charge_decimals: int
    published_at: datetime | None
    rows: int
    created_at: datetime


class PriceListBody(Struct, kw_only=True):
    id: str
    name: str
    currency: str
    charge_decimals: int
    default: bool
    created_at: datetime
    published_at: datetime | None
    """Since when the version in force is in force."""
    versions: list[VersionBody]


def price_list_body(known: Known, now: int) -> PriceListBody:
    head, current = known.head, known.in_force(now)
    shown = current or known.draft or known.versions[-1]
    return PriceListBody(
        id=head.list_id,
        name=head.name,
        currency=head.currency,
        charge_decimals=shown.charge_decimals,
        default=head.is_default,
        created_at=moment(head.created_at),
        published_at=optional(current.published_at if current else None),
        versions=[_version_body(version, now) for version in known.versions],
    )


def _version_body(version: Version, now: int) -> VersionBody:
    at = version.published_at
    return VersionBody(
        version=version.version,
        state="draft" if at is None else "published" if at <= now else "scheduled",
        charge_decimals=version.charge_decimals,
        published_at=optional(at),
        rows=version.row_count,
        created_at=moment(version.created_at),
    )


class WindowBody(Struct, kw_only=True):
    days: str
    begins: str = msgspec.field(name="from")
    ends: str = msgspec.field(name="to")
    per_minute: str
    connection_fee: str


class RowBody(Struct, kw_only=True):
    prefix: str
    destination: str
    per_minute: str
    connection_fee: str
    initial_seconds: int
    step_seconds: int
    kind: PriceKind
    valid_from: datetime | None
    windows: list[WindowBody]


def row_body(row: Row) -> RowBody:
    return RowBody(
        prefix=row.prefix,
        destination=row.destination,
        per_minute=decimal(row.per_minute),
        connection_fee=decimal(row.connection_fee),
        initial_seconds=row.initial_seconds,
        step_seconds=row.step_seconds,
        kind=row.kind,
        valid_from=moment(row.valid_from) if row.valid_from else None,
        windows=[_window_body(window) for window in row.windows],
    )


def _window_body(window: Window) -> WindowBody:
    return WindowBody(
        days=price_rows.days_text(window.days),
        begins=price_rows.clock_text(window.begins),
        ends=price_rows.clock_text(window.ends),
        per_minute=decimal(window.per_minute),
        connection_fee=decimal(window.connection_fee),
    )
