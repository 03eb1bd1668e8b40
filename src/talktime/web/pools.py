"""Pools of included minutes in the current month, and when they run dry."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec import Struct

from talktime.actions.knowledge import known
from talktime.actions.organizations import found
from talktime.core.catalogue import Catalogue
from talktime.core.forecasts import dry_at
from talktime.core.licence_terms import PoolKind
from talktime.core.months import begin_of, local_day, month_after, month_of
from talktime.core.pool_minutes import PoolMinutes
from talktime.core.scopes import Scope
from talktime.reports import pools
from talktime.reports.pools import PoolLine
from talktime.storage.database import ReadTx
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route

LABELS = {("MCOMEETADD", PoolKind.CONFERENCE): "Outbound Calls to Zone A Countries"}


class PoolBody(Struct, kw_only=True):
    """Minutes. `available` is what is neither used nor held."""

    capability: str
    kind: PoolKind
    country: str | None
    user: str | None
    label: str
    total: int
    used: int
    held: int
    available: int
    period: str
    runs_dry_on: date | None
    """If minutes are used as fast as so far this month; null: not this month."""


def list_pools(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Pools of the current month, by the calendar of the organization."""
    page: Page = request.query
    org = found(tx, request.org_id)
    now, zone, catalogue = org.now(request.now), org.time_zone, known(tx).catalogue
    month = month_of(now, zone)
    rows = pools.page(tx, request.org_id, catalogue, month, page.limit + 1, page.after(pools.Place))

    def body(line: PoolLine) -> PoolBody:
        return _body(line, label_of(catalogue, line), month, runs_dry_on(line.minutes, month, zone, now))

    return page_of(rows, page.limit, lambda line: (line.pool_id, line.place), body)


def _body(line: PoolLine, label: str, month: str, dry: date | None) -> PoolBody:
    return PoolBody(
        capability=line.capability,
        kind=line.kind,
        country=line.country,
        user=line.user_id,
        label=label,
        total=line.minutes.total,
        used=line.minutes.used,
        held=line.minutes.held,
        available=line.minutes.available,
        period=month,
        runs_dry_on=dry,
    )


def label_of(catalogue: Catalogue, line: PoolLine) -> str:
    names = [licence.name for licence in catalogue.meant_by(line.capability)] or [line.capability]
    return LABELS.get((line.capability, line.kind)) or f"{names[0]} ({line.kind})"


def runs_dry_on(minutes: PoolMinutes, month: str, zone: str, now: int) -> date | None:
    at = dry_at(minutes.used, minutes.available, begin_of(month, zone), now)
    if at is None or at >= begin_of(month_after(month), zone):
        return None
    return local_day(at, zone)


ROUTES = [
    Route("GET", "/v1/pools", Scope.REPORTS, list_pools, query=Page, answer=list[PoolBody], tag="Reports"),
]
