"""How the difference between two price lists looks from outside."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from talktime.core.money import MICROS_PER_UNIT, decimal
from talktime.core.price_changes import Change, Difference, Direction, Summary, summary
from talktime.core.prices import PriceKind
from talktime.web.price_list_forms import RowBody, row_body


class ChangedBody(RowBody, kw_only=True):
    """The row as it will be, and as it was."""

    old: RowBody
    direction: Direction
    change_percent: str | None
    """By how much a minute changes; null when it was free."""
    fields: list[str]
    """What is another."""


class TotalsBody(Struct, kw_only=True):
    """How many rows."""

    dearer: int
    cheaper: int
    otherwise: int
    unchanged: int
    added: int
    removed: int


class SummaryBody(TotalsBody, kw_only=True):
    by_kind: dict[PriceKind, TotalsBody]
    largest_rise_percent: str | None
    largest_fall_percent: str | None
    destinations_added: list[str]
    """Names that only the other list, or the draft, has."""
    destinations_removed: list[str]


class DifferenceBody(Struct, kw_only=True):
    added: list[RowBody]
    removed: list[RowBody]
    changed: list[ChangedBody]
    """The largest changes first."""
    summary: SummaryBody


def difference_body(difference: Difference) -> DifferenceBody:
    return DifferenceBody(
        added=[row_body(row) for row in difference.added],
        removed=[row_body(row) for row in difference.removed],
        changed=[changed_body(change) for change in difference.changed],
        summary=summary_body(summary(difference)),
    )


def changed_body(change: Change) -> ChangedBody:
    return ChangedBody(
        **asdict(row_body(change.new)),
        old=row_body(change.old),
        direction=change.direction,
        change_percent=percent(change.percent_hundredths),
        fields=change.fields,
    )


def summary_body(found: Summary) -> SummaryBody:
    return SummaryBody(
        **found.totals,
        by_kind={kind: TotalsBody(**totals) for kind, totals in found.by_kind.items()},
        largest_rise_percent=percent(found.largest_rise),
        largest_fall_percent=percent(found.largest_fall),
        destinations_added=found.destinations_added,
        destinations_removed=found.destinations_removed,
    )


def percent(hundredths: int | None) -> str | None:
    """As a decimal, such as 12.5 or -3."""
    return None if hundredths is None else decimal(hundredths * MICROS_PER_UNIT // 100)
