"""A Credit-Control-Request as plain values."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum

from talktime.integrations.diameter import avps as a
from talktime.integrations.diameter.avps import Avps, Wrong
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.messages import Message

SECONDS_MAX = 1_000_000
CALL_ID_BYTES_MAX = 100


class Kind(IntEnum):
    INITIAL = 1
    UPDATE = 2
    TERMINATION = 3
    EVENT = 4


class Action(IntEnum):
    DIRECT_DEBITING = 0
    REFUND_ACCOUNT = 1
    CHECK_BALANCE = 2
    PRICE_ENQUIRY = 3


class Subscriber(IntEnum):
    E164 = 0
    IMSI = 1
    SIP_URI = 2
    NAI = 3
    PRIVATE = 4


TERMINATING = 1
"""The role of a node that looks after the callee."""
_PREFERRED = (Subscriber.E164, Subscriber.SIP_URI, Subscriber.NAI, Subscriber.PRIVATE, Subscriber.IMSI)


@dataclass(frozen=True, slots=True)
class Service:
    """What is said of one service, and how it is called."""

    used: int
    wanted: int | None
    """None: nothing is asked for; 0: as much as we like."""
    identifier: int | None = None
    rating_group: int | None = None


@dataclass(frozen=True, slots=True)
class CreditRequest:
    session_id: str
    kind: Kind
    number: int
    host: str
    realm: str
    context: str
    service: Service
    has_services: bool
    """Whether units stand in Multiple-Services-Credit-Control or beside it."""
    other_services: tuple[Service, ...]
    action: int | None
    user: str | None
    caller: str | None
    called: str | None
    terminating: bool
    sip_call_id: str | None

    @property
    def call_id(self) -> str:
        """Always the same for a session, whichever process is asked: no client chooses more than its own session."""
        return call_id_of(self.session_id)


def call_id_of(session_id: str) -> str:
    if session_id.isascii() and " " not in session_id and len(session_id) <= CALL_ID_BYTES_MAX:
        return f"diameter:{session_id}"
    return f"diameter-hash:{hashlib.sha256(session_id.encode()).hexdigest()}"


def read_request(message: Message) -> CreditRequest:
    avps = a.read(message.body)
    a.refuse_unknown(avps)
    services = [_service(a.read(avp.payload)) for avp in a.every(avps, a.SERVICES)]
    information = a.group(avps, a.SERVICE_INFORMATION)
    ims = a.group(information, a.IMS_INFORMATION)
    return CreditRequest(
        session_id=a.needed_text(avps, a.SESSION_ID),
        kind=_kind(avps),
        number=a.needed_number(avps, a.CC_REQUEST_NUMBER),
        host=a.needed_text(avps, a.ORIGIN_HOST).lower(),
        realm=a.needed_text(avps, a.ORIGIN_REALM).lower(),
        context=a.text(avps, a.SERVICE_CONTEXT_ID) or "",
        service=services[0] if services else _service(avps),
        has_services=bool(services),
        other_services=tuple(services[1:]),
        action=a.number(avps, a.REQUESTED_ACTION),
        user=_user(avps) or _user(information),
        caller=next((number_of(one) for one in a.texts(ims, a.CALLING_PARTY)), None),
        called=next((number_of(one) for one in a.texts(ims, a.CALLED_PARTY)), None),
        terminating=a.number(ims, a.ROLE_OF_NODE) == TERMINATING,
        sip_call_id=a.text(ims, a.USER_SESSION_ID),
    )


def _kind(avps: Avps) -> Kind:
    said = a.needed_number(avps, a.CC_REQUEST_TYPE)
    try:
        return Kind(said)
    except ValueError:
        raise Wrong(Code.INVALID_AVP_VALUE, a.first(avps, a.CC_REQUEST_TYPE)) from None


def _service(avps: Avps) -> Service:
    asked = a.first(avps, a.REQUESTED_UNIT)
    wanted = None if asked is None else _seconds(a.read(asked.payload))
    used = sum(_seconds(a.read(unit.payload)) for unit in a.every(avps, a.USED_UNIT))
    return Service(used, wanted, a.number(avps, a.SERVICE_IDENTIFIER), a.number(avps, a.RATING_GROUP))


def _seconds(unit: Avps) -> int:
    """Whoever has talked for longer than eleven days between two reports has not."""
    seconds = a.number(unit, a.CC_TIME) or 0
    if seconds > SECONDS_MAX:
        raise Wrong(Code.INVALID_AVP_VALUE, a.first(unit, a.CC_TIME))
    return seconds


def _user(avps: Avps) -> str | None:
    known = {}
    for avp in a.every(avps, a.SUBSCRIPTION_ID):
        said = a.read(avp.payload)
        known[a.needed_number(said, a.SUBSCRIPTION_ID_TYPE)] = a.needed_text(said, a.SUBSCRIPTION_ID_DATA)
    kind = next((kind for kind in _PREFERRED if kind in known), None)
    if kind is None:
        return None
    if kind is Subscriber.E164:
        return "+" + known[kind].removeprefix("tel:").removeprefix("+")
    return number_of(known[kind]) if kind is Subscriber.SIP_URI else known[kind]


_SCHEME = re.compile(r"(sips?|tel):", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[0-9*#().-]+")
_SEPARATORS = str.maketrans("", "", "().-")
EMERGENCY_SERVICE = "urn:service:sos"
EMERGENCY_NUMBER = "112"


def number_of(uri: str) -> str:
    """The number in a tel: or sip: URI; a name with its host where it has no number."""
    if uri.lower().startswith(EMERGENCY_SERVICE):
        return EMERGENCY_NUMBER
    address = _SCHEME.sub("", uri, count=1).partition(";")[0].partition("?")[0]
    name = address.partition("@")[0].partition(":")[0]
    return name.translate(_SEPARATORS) if _NUMBER.fullmatch(name) else address
