"""Tables of an export as CSV: RFC 4180, UTF-8, a portion at a time."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from typing import BinaryIO

from talktime.core.money import fixed
from talktime.core.time import moment
from talktime.reports.usage_lines import UsageLine

USAGE_HEADER = (
    *("UsageId", "Call ID", "Conference ID", "User Location", "AAD ObjectId", "UPN", "User Display Name"),
    *("Caller ID", "Call Type", "Number Type", "Domestic/International", "Destination Dialed"),
    *("Destination Number", "Start Time", "End Time", "Duration Seconds", "Connection Fee", "Charge"),
    *("Currency", "Capability"),
)
OWN_CARRIER_HEADER = (
    *("CorrelationId", "AAD ObjectId", "UPN", "Display Name", "User country", "Invite time", "Start time"),
    *("Failure time", "End time", "Duration (seconds)", "Success", "Caller Number", "Callee Number", "Call type"),
    *("Azure region for Media", "Azure region for Signaling", "Final SIP code", "Final Microsoft subcode"),
    *("Final SIP Phrase", "SBC FQDN", "Media bypass", "Shared correlation ID"),
)
CURRENCY_DECIMALS = 2
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"\+[0-9]+\**")

Cells = Sequence[str | int]


def usage_cells(line: UsageLine) -> Cells:
    decimals = max(line.charge_decimals, CURRENCY_DECIMALS)
    return (
        *(line.usage_id, harmless(line.call_id), harmless(line.conference_id), line.user_location),
        *(line.aad_object_id, harmless(line.upn), harmless(line.user_display_name), harmless(line.caller_id)),
        *(line.call_type, line.number_type, line.domestic_international, line.destination_dialed),
        *(harmless(line.destination_number), time_cell(line.started_at), time_cell(line.ended_at)),
        *(line.duration_seconds, fixed(line.connection_fee, decimals), fixed(line.charge, decimals)),
        *(line.currency, line.capability),
    )


def own_carrier_cells(line: UsageLine) -> Cells:
    """What no switch has told stays empty."""
    return (
        *(harmless(line.call_id), line.aad_object_id, harmless(line.upn), harmless(line.user_display_name)),
        *(line.user_location, "", time_cell(line.started_at), "", time_cell(line.ended_at), line.duration_seconds),
        *("Yes" if line.duration_seconds else "No", harmless(line.caller_id), harmless(line.destination_number)),
        *(line.call_type, *[""] * 8),
    )


def harmless(text: str) -> str:
    """A spreadsheet takes what begins like a formula for one, unless an apostrophe is before it. Numbers stay exact."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def time_cell(at: int) -> str:
    return moment(at).isoformat()


def write_csv(
    file: BinaryIO, header: Sequence[str], lines: Iterable[UsageLine], cells: Callable[[UsageLine], Cells]
) -> None:
    with TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(map(cells, lines))
