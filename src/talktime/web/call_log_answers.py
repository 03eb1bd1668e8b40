"""Rows of the call log, under the names and with the types that its readers know."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from talktime.core.money import decimal
from talktime.core.time import moment
from talktime.reports.blocks import BlockRow
from talktime.reports.usage_lines import UsageLine

Number = Annotated[Raw, Meta(extra_json_schema={"type": "number"}, description="A decimal, to the last digit.")]
Link = Annotated[str, Meta(description="The following page, relative to this address; missing on the last one.")]
TALKED_SAYS = "operator"
"""How long a call was is told by the switch, not by the vendor of an app."""


class PstnCall(Struct, kw_only=True, rename="camel"):
    id: str
    call_id: str
    user_id: str | None
    user_principal_name: str | None
    user_display_name: str | None
    start_date_time: datetime
    end_date_time: datetime
    duration: int
    charge: Number
    currency: str
    connection_charge: Number
    call_type: str
    caller_number: str
    callee_number: str
    usage_country_code: str | None
    tenant_country_code: str
    destination_context: str | None
    destination_name: str | None
    conference_id: str | None
    license_capability: str | None
    inventory_type: str | None
    operator: str | None
    call_duration_source: str


class DirectRoutingCall(Struct, kw_only=True, rename="camel"):
    id: str
    correlation_id: str
    user_id: str | None
    user_principal_name: str | None
    user_display_name: str | None
    start_date_time: datetime
    end_date_time: datetime
    duration: int
    call_type: str
    successful_call: bool
    caller_number: str
    callee_number: str
    user_country_code: str | None


class BlockedUser(Struct, kw_only=True, rename="camel"):
    user_id: str
    user_principal_name: str | None
    user_display_name: str | None
    block_date_time: datetime
    user_telephone_number: str | None
    user_block_mode: str
    block_reason: str
    remediation_id: str


class PstnCalls(Struct, kw_only=True):
    value: list[PstnCall]
    next_link: Link | UnsetType = field(name="@odata.nextLink", default=UNSET)


class DirectRoutingCalls(Struct, kw_only=True):
    value: list[DirectRoutingCall]
    next_link: Link | UnsetType = field(name="@odata.nextLink", default=UNSET)


class BlockedUsers(Struct, kw_only=True):
    value: list[BlockedUser]
    next_link: Link | UnsetType = field(name="@odata.nextLink", default=UNSET)


def number(amount: int) -> msgspec.Raw:
    """Written from whole micros: no binary fraction comes near it."""
    return Raw(decimal(amount).encode())


def pstn_call(line: UsageLine, country: str) -> PstnCall:
    return PstnCall(
        id=line.usage_id,
        call_id=line.call_id,
        user_id=line.aad_object_id or None,
        user_principal_name=line.upn or None,
        user_display_name=line.user_display_name or None,
        start_date_time=moment(line.started_at),
        end_date_time=moment(line.ended_at),
        duration=line.duration_seconds,
        charge=number(line.charge),
        currency=line.currency,
        connection_charge=number(line.connection_fee),
        call_type=line.call_type,
        caller_number=line.caller_id,
        callee_number=line.destination_number,
        usage_country_code=line.user_location or None,
        tenant_country_code=country,
        destination_context=line.domestic_international.lower() or None,
        destination_name=line.destination_dialed or None,
        conference_id=line.conference_id or None,
        license_capability=line.capability or None,
        inventory_type=line.number_type or None,
        operator=None,
        call_duration_source=TALKED_SAYS,
    )


def direct_routing_call(line: UsageLine) -> DirectRoutingCall:
    return DirectRoutingCall(
        id=line.usage_id,
        correlation_id=line.call_id,
        user_id=line.aad_object_id or None,
        user_principal_name=line.upn or None,
        user_display_name=line.user_display_name or None,
        start_date_time=moment(line.started_at),
        end_date_time=moment(line.ended_at),
        duration=line.duration_seconds,
        call_type=line.call_type,
        successful_call=line.duration_seconds > 0,
        caller_number=line.caller_id,
        callee_number=line.destination_number,
        user_country_code=line.user_location or None,
    )


def blocked_user(row: BlockRow) -> BlockedUser:
    return BlockedUser(
        user_id=row.user_id,
        user_principal_name=row.sign_in_name,
        user_display_name=row.user_name,
        block_date_time=moment(row.at),
        user_telephone_number=row.number,
        user_block_mode=row.mode.capitalize(),
        block_reason=row.reason,
        remediation_id=row.block_id,
    )
