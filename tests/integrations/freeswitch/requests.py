"""What FreeSWITCH sends, as we have written it down: a channel that asks for a dialplan, and the record of its end."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import fromstring

from tests.web.client import Answer, Client

DIALPLAN, CDR = "/v1/freeswitch/dialplan", "/v1/freeswitch/cdr"
FORM = "application/x-www-form-urlencoded"
UUID = "8f4e1a52-6f1c-4ea5-9a7e-1d1d5c1b0a01"
CHANNEL = {
    "hostname": "edge1",
    "section": "dialplan",
    "tag_name": "",
    "key_name": "",
    "key_value": "",
    "Event-Name": "REQUEST_PARAMS",
    "Core-UUID": "0d6f2f0e-2a55-4ae3-8f0a-4c5d7a9b1e22",
    "FreeSWITCH-Hostname": "edge1",
    "Channel-State": "CS_ROUTING",
    "Channel-Name": "sofia/internal/ann@example.com",
    "Unique-ID": UUID,
    "Call-Direction": "inbound",
    "Answer-State": "ringing",
    "Caller-Username": "ann",
    "Caller-Dialplan": "XML",
    "Caller-Caller-ID-Name": "Ann",
    "Caller-Caller-ID-Number": "+12025550101",
    "Caller-Network-Addr": "192.0.2.10",
    "Caller-Destination-Number": "+12025550117",
    "Caller-Context": "prepaid",
    "Hunt-Destination-Number": "+12025550117",
    "Hunt-Context": "prepaid",
    "variable_sip_call_id": "a84b4c76e66710@192.0.2.10",
    "variable_user_name": "ann",
}
ENDED = {
    "uuid": UUID,
    "talktime_call_id": UUID,
    "hangup_cause": "NORMAL_CLEARING",
    "answer_epoch": "1901347205",
    "billsec": "61",
    "billmsec": "60980",
}


def ask(switch: Client, query: str = "?gateway=trunk", **more: str) -> Answer:
    return asked_with(switch, query, named(more))


def asked_with(switch: Client, query: str, fields: dict[str, str]) -> Answer:
    return switch.send("POST", DIALPLAN + query, urlencode(CHANNEL | fields).encode() + b"\n", FORM)


def named(fields: dict[str, str]) -> dict[str, str]:
    """`Unique_ID` is written with a dash, `variable_x` as it is."""
    return {name if name.startswith("variable") else name.replace("_", "-"): value for name, value in fields.items()}


def actions(answer: Answer) -> list[tuple[str, str]]:
    """What the dialplan does, in every context and for whatever was dialled."""
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    document = fromstring(answer.content)
    assert (document.tag, document.get("type")) == ("document", "freeswitch/xml")
    section = document.find("section[@name='dialplan']")
    assert section is not None
    condition = section.find("context[@name='global']/extension/condition")
    assert condition is not None
    assert condition.attrib == {}
    return [(one.get("application", ""), one.get("data", "")) for one in condition]


def record(**more: Any) -> dict[str, Any]:
    """None leaves a variable out."""
    variables = {name: value for name, value in (ENDED | more).items() if value is not None}
    return {"core-uuid": "0d6f2f0e-2a55-4ae3-8f0a-4c5d7a9b1e22", "switchname": "edge1", "variables": variables}


def tell(switch: Client, **more: Any) -> Answer:
    """The module always adds the name of the channel to its address."""
    return switch.post(f"{CDR}?uuid=a_{UUID}", record(**more))


def in_a_form(body: bytes) -> bytes:
    return b"cdr=" + quote(body).encode()
