"""Switches: set up by people, heard of by themselves."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from talktime.actions import switches
from talktime.charging.switches import Heartbeat, hear
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import switches as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.switch_store import SwitchRow
from talktime.web.call_forms import CallId
from talktime.web.fields import actor
from talktime.web.lists import Page, page_of
from talktime.web.problems import invalid
from talktime.web.routes import Keep, Request, Route

NAME = r"^[A-Za-z0-9._-]{1,64}\Z"
Name = Annotated[str, Meta(pattern=NAME)]
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Token = Annotated[str, Meta(min_length=1, max_length=500)]


class SwitchForm(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Name
    cut_url: Url | None = None
    cut_token: Token | None = None


class SwitchPatch(Struct, forbid_unknown_fields=True, kw_only=True):
    cut_url: Url | UnsetType | None = UNSET
    cut_token: Token | UnsetType | None = UNSET


class HeartbeatForm(Struct, forbid_unknown_fields=True, kw_only=True):
    boot_id: Annotated[str, Meta(min_length=1, max_length=128)]
    active_call_ids: Annotated[list[CallId], Meta(max_length=20_000)] | None = None


class SwitchBody(Struct):
    """The token is not shown again."""

    id: str
    name: str
    cut_url: str | None
    has_cut_token: bool
    boot_id: str | None
    heard_at: datetime | None
    created_at: datetime


class HangUpBody(Struct):
    hang_up: list[str]


def switch_body(row: SwitchRow) -> SwitchBody:
    heard_at = None if row.heard_at is None else moment(row.heard_at)
    known = (row.cut_url, row.cut_token is not None, row.boot_id, heard_at)
    return SwitchBody(row.switch_id, row.name, *known, moment(row.created_at))


def list_switches(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """The switches that are known."""
    query: Page = request.query
    rows = reports.page(tx, request.org_id, query.limit + 1, query.after(str))
    return page_of(rows, query.limit, lambda row: row.name, switch_body)


def add_switch(tx: Tx, request: Request[SwitchForm]) -> SwitchBody:
    """Make a switch known before it is heard of."""
    form = request.form
    values = {name: value for name in ("cut_url", "cut_token") if (value := getattr(form, name)) is not None}
    made = (request.org_id, form.name, request.app.new_id("swi"), values, actor(request))
    return switch_body(switches.add_switch(tx, request.app.vault, *made))


def read_switch(tx: ReadTx, request: Request[None]) -> SwitchBody:
    """One switch."""
    return switch_body(switches.find_switch(tx, request.org_id, request.names["name"]))


def change_switch(tx: Tx, request: Request[SwitchPatch]) -> SwitchBody:
    """Where it is told at once to hang up."""
    values = {name: value for name, value in structs.asdict(request.form).items() if value is not UNSET}
    name = request.names["name"]
    return switch_body(switches.change_switch(tx, request.app.vault, request.org_id, name, values, actor(request)))


def remove_switch(tx: Tx, request: Request[None]) -> None:
    """Forget a switch; its calls go on."""
    switches.remove_switch(tx, request.org_id, request.names["name"], actor(request))


def heartbeat(request: Request[HeartbeatForm]) -> HangUpBody:
    """The switch is alive; the answer names the calls that it must end."""
    form, app = request.form, request.app
    beat = Heartbeat(
        request.org_id,
        _name(request.names["name"]),
        form.boot_id,
        form.active_call_ids,
        request.now,
        request.by,
        app.new_id("swi"),
    )
    return HangUpBody(list(hear(app.database, app.engine.run, beat)))


def _name(name: str) -> str:
    """An unknown name registers itself, so it must be a possible one."""
    if re.match(NAME, name) is None:
        raise invalid("name", "1 to 64 letters, digits, dots, dashes or underscores.")
    return name


_COMMON: dict[str, Any] = {"needs_organization": False, "tag": "Switches"}
_ONE = "/v1/switches/{name}"
ROUTES = [
    Route("GET", "/v1/switches", Scope.SWITCHES, list_switches, query=Page, answer=list[SwitchBody], **_COMMON),
    Route(
        "POST",
        "/v1/switches",
        Scope.SWITCHES,
        add_switch,
        form=SwitchForm,
        answer=SwitchBody,
        status=201,
        once=Keep.MONTH,
        problems=(409,),
        **_COMMON,
    ),
    Route("GET", _ONE, Scope.SWITCHES, read_switch, answer=SwitchBody, problems=(404,), **_COMMON),
    Route(
        "PATCH", _ONE, Scope.SWITCHES, change_switch, form=SwitchPatch, answer=SwitchBody, problems=(404,), **_COMMON
    ),
    Route("DELETE", _ONE, Scope.SWITCHES, remove_switch, problems=(404,), **_COMMON),
    Route(
        "POST",
        f"{_ONE}/heartbeat",
        Scope.SWITCHES,
        heartbeat,
        form=HeartbeatForm,
        answer=HangUpBody,
        tx=False,
        **_COMMON,
    ),
]
