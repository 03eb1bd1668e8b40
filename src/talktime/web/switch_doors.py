"""Doors for switches that ask in a language of their own. Who speaks it is handed to `Api`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from talktime.core.scopes import Scope
from talktime.web.routes import Raw, Route

TAG = "Switches in their own language"
RADIUS_AUTHORIZE, RADIUS_ACCOUNTING = "/v1/radius/authorize", "/v1/radius/accounting"
FREESWITCH_DIALPLAN, FREESWITCH_CDR = "/v1/freeswitch/dialplan", "/v1/freeswitch/cdr"
FORM = "application/x-www-form-urlencoded"
PACKET_BYTES_MAX, DIALPLAN_BYTES_MAX, RECORD_BYTES_MAX = 1 << 16, 1 << 18, 1 << 20
"""A RADIUS packet has 4 kB; what FreeSWITCH knows of a call may be long."""


class Attribute(Struct):
    """As FreeRADIUS writes it; other fields are not looked at."""

    value: list[str | int | float]


Packet = dict[str, Attribute]


class Reply(Struct):
    """One attribute of the answer. FreeRADIUS expands `%{...}` in values that are not marked."""

    op: str
    value: list[str | int]
    do_xlat: bool = False


Answer = dict[str, Reply]


class Record(Struct):
    """What FreeSWITCH tells of an ended call; other fields are not looked at."""

    variables: dict[str, Any] = {}


class RadiusQuery(Struct):
    """What is true of all packets that are sent to this address, where no attribute says otherwise."""

    organization: str | None = None
    call_type: str | None = None
    user: str | None = None
    switch: str | None = None


class DialplanQuery(RadiusQuery):
    gateway: str | None = None
    """Over which the calls go out. Without it nothing is granted."""


def authorize_by_radius() -> None:
    """An Access-Request in the JSON of FreeRADIUS' rlm_rest: how long may this call go on?"""


def account_by_radius() -> None:
    """An Accounting-Request in the JSON of FreeRADIUS' rlm_rest. 204: it was taken."""


def dialplan() -> None:
    """What FreeSWITCH's mod_xml_curl asks for a call: a dialplan with its limit, or one that refuses. Always 200."""


def call_record() -> None:
    """The record of an ended call by FreeSWITCH's mod_json_cdr. 204: it was taken."""


def _route(path: str, handler: Callable[[], None], bytes_max: int, **more: Any) -> Route:
    common: dict[str, Any] = {"hot": True, "translated": True, "needs_organization": False, "tag": TAG}
    return Route("POST", path, Scope.CALLS, handler, bytes_max=bytes_max, **common, **more)


ROUTES = [
    _route(
        RADIUS_AUTHORIZE,
        authorize_by_radius,
        PACKET_BYTES_MAX,
        form=Packet,
        query=RadiusQuery,
        answer=Answer,
        refusal=Answer,
    ),
    _route(RADIUS_ACCOUNTING, account_by_radius, PACKET_BYTES_MAX, form=Packet, query=RadiusQuery),
    _route(
        FREESWITCH_DIALPLAN,
        dialplan,
        DIALPLAN_BYTES_MAX,
        also_kinds=(FORM,),
        query=DialplanQuery,
        answer=Raw,
        always=True,
    ),
    _route(FREESWITCH_CDR, call_record, RECORD_BYTES_MAX, form=Record, also_kinds=(FORM,)),
]
