"""AVPs: python-diameter's dictionary and types, read strictly and within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from diameter.message import constants as known
from diameter.message.avp import Avp, AvpGrouped, AvpOctetString
from diameter.message.avp.avp import get_avp_dictionary_entry
from diameter.message.packer import ConversionError, Unpacker

from talktime.integrations.diameter.codes import Code

AVPS_MAX = 500
"""In one message or group; a call has some thirty."""
TEXT_MAX = 256
RESERVED_FLAGS = 0x1F
VENDOR, MANDATORY = 0x80, 0x40

Avps: TypeAlias = Sequence[Any]
"""Of python-diameter, which says nothing of its types."""


class Name(NamedTuple):
    code: int
    vendor: int = 0


class Wrong(Exception):
    """Something that is answered with this code, and the AVP that is to blame."""

    def __init__(self, code: Code, avp: Any = None, detail: str = "") -> None:
        super().__init__(detail or code.name)
        self.code, self.avp, self.detail = code, avp, detail


def _of_3gpp(code: int) -> Name:
    return Name(code, known.VENDOR_TGPP)


SESSION_ID = Name(known.AVP_SESSION_ID)
ORIGIN_HOST = Name(known.AVP_ORIGIN_HOST)
ORIGIN_REALM = Name(known.AVP_ORIGIN_REALM)
ORIGIN_STATE_ID = Name(known.AVP_ORIGIN_STATE_ID)
DESTINATION_HOST = Name(known.AVP_DESTINATION_HOST)
DESTINATION_REALM = Name(known.AVP_DESTINATION_REALM)
RESULT_CODE = Name(known.AVP_RESULT_CODE)
ERROR_MESSAGE = Name(known.AVP_ERROR_MESSAGE)
FAILED_AVP = Name(known.AVP_FAILED_AVP)
PROXY_INFO = Name(known.AVP_PROXY_INFO)
HOST_IP_ADDRESS = Name(known.AVP_HOST_IP_ADDRESS)
VENDOR_ID = Name(known.AVP_VENDOR_ID)
PRODUCT_NAME = Name(known.AVP_PRODUCT_NAME)
SUPPORTED_VENDOR_ID = Name(known.AVP_SUPPORTED_VENDOR_ID)
AUTH_APPLICATION_ID = Name(known.AVP_AUTH_APPLICATION_ID)
VENDOR_SPECIFIC_APPLICATION_ID = Name(known.AVP_VENDOR_SPECIFIC_APPLICATION_ID)
DISCONNECT_CAUSE = Name(known.AVP_DISCONNECT_CAUSE)

CC_REQUEST_TYPE = Name(known.AVP_CC_REQUEST_TYPE)
CC_REQUEST_NUMBER = Name(known.AVP_CC_REQUEST_NUMBER)
CC_TIME = Name(known.AVP_CC_TIME)
CC_SESSION_FAILOVER = Name(known.AVP_CC_SESSION_FAILOVER)
FAILURE_HANDLING = Name(known.AVP_CREDIT_CONTROL_FAILURE_HANDLING)
CHECK_BALANCE_RESULT = Name(known.AVP_CHECK_BALANCE_RESULT)
REQUESTED_ACTION = Name(known.AVP_REQUESTED_ACTION)
SERVICE_CONTEXT_ID = Name(known.AVP_SERVICE_CONTEXT_ID)
SERVICE_IDENTIFIER = Name(known.AVP_SERVICE_IDENTIFIER)
RATING_GROUP = Name(known.AVP_RATING_GROUP)
SERVICES = Name(known.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL)
REQUESTED_UNIT = Name(known.AVP_REQUESTED_SERVICE_UNIT)
GRANTED_UNIT = Name(known.AVP_GRANTED_SERVICE_UNIT)
USED_UNIT = Name(known.AVP_USED_SERVICE_UNIT)
VALIDITY_TIME = Name(known.AVP_VALIDITY_TIME)
FINAL_UNIT_INDICATION = Name(known.AVP_FINAL_UNIT_INDICATION)
FINAL_UNIT_ACTION = Name(known.AVP_FINAL_UNIT_ACTION)
SUBSCRIPTION_ID = Name(known.AVP_SUBSCRIPTION_ID)
SUBSCRIPTION_ID_TYPE = Name(known.AVP_SUBSCRIPTION_ID_TYPE)
SUBSCRIPTION_ID_DATA = Name(known.AVP_SUBSCRIPTION_ID_DATA)
SERVICE_INFORMATION = _of_3gpp(known.AVP_TGPP_SERVICE_INFORMATION)
IMS_INFORMATION = _of_3gpp(known.AVP_TGPP_IMS_INFORMATION)
ROLE_OF_NODE = _of_3gpp(known.AVP_TGPP_ROLE_OF_NODE)
USER_SESSION_ID = _of_3gpp(known.AVP_TGPP_USER_SESSION_ID)
CALLING_PARTY = _of_3gpp(known.AVP_TGPP_CALLING_PARTY_ADDRESS)
CALLED_PARTY = _of_3gpp(known.AVP_TGPP_CALLED_PARTY_ADDRESS)


def read(raw: bytes) -> Avps:
    """All of a message or group; what is in groups is looked at when somebody asks for it."""
    unpacker, found = Unpacker(raw), []
    while not unpacker.is_done():
        _look_at_head(raw, unpacker.get_position())
        try:
            found.append(Avp.from_unpacker(unpacker))
        except ConversionError as error:
            raise Wrong(Code.INVALID_AVP_LENGTH) from error
        if len(found) > AVPS_MAX:
            raise Wrong(Code.AVP_OCCURS_TOO_MANY_TIMES, found[-1])
    return found


def _look_at_head(raw: bytes, start: int) -> None:
    """The library takes a length that is too small for an empty value."""
    if len(raw) - start < 8:
        raise Wrong(Code.INVALID_AVP_LENGTH)
    flags, length = raw[start + 4], int.from_bytes(raw[start + 5 : start + 8])
    if not (12 if flags & VENDOR else 8) <= length <= len(raw) - start:
        raise Wrong(Code.INVALID_AVP_LENGTH)
    if flags & RESERVED_FLAGS:
        raise Wrong(Code.INVALID_AVP_BITS)


def refuse_unknown(avps: Avps) -> None:
    """What somebody calls mandatory must be understood, or the whole is not."""
    for avp in avps:
        if avp.flags & MANDATORY and get_avp_dictionary_entry(avp.code, avp.vendor_id) is None:
            raise Wrong(Code.AVP_UNSUPPORTED, avp)


def every(avps: Avps, name: Name) -> Avps:
    return [avp for avp in avps if (avp.code, avp.vendor_id) == name]


def first(avps: Avps, name: Name) -> Any:
    return next((avp for avp in avps if (avp.code, avp.vendor_id) == name), None)


def group(avps: Avps, *path: Name) -> Avps:
    """What stands in the group at the end of this way; nothing where there is none."""
    for name in path:
        avp = first(avps, name)
        avps = () if avp is None else read(avp.payload)
    return avps


def number(avps: Avps, name: Name) -> int | None:
    avp = first(avps, name)
    if avp is None:
        return None
    if len(avp.payload) != 4:
        raise Wrong(Code.INVALID_AVP_LENGTH, avp)
    return int.from_bytes(avp.payload)


def text(avps: Avps, name: Name) -> str | None:
    avp = first(avps, name)
    return None if avp is None else _text(avp)


def _text(avp: Any) -> str:
    try:
        said: str = avp.payload.decode()
    except UnicodeDecodeError as error:
        raise Wrong(Code.INVALID_AVP_VALUE, avp) from error
    if not 0 < len(said) <= TEXT_MAX or not said.isprintable():
        raise Wrong(Code.INVALID_AVP_VALUE, avp)
    return said


def texts(avps: Avps, name: Name) -> list[str]:
    return [_text(avp) for avp in every(avps, name)]


def needed_number(avps: Avps, name: Name) -> int:
    found = number(avps, name)
    if found is None:
        raise Wrong(Code.MISSING_AVP, empty(name))
    return found


def needed_text(avps: Avps, name: Name) -> str:
    found = text(avps, name)
    if found is None:
        raise Wrong(Code.MISSING_AVP, empty(name))
    return found


def make(name: Name, value: object) -> Any:
    """Names of hosts are bytes for the library."""
    avp = Avp.new(*name)
    avp.value = value.encode() if isinstance(avp, AvpOctetString) and isinstance(value, str) else value
    return avp


def empty(name: Name) -> Any:
    """As an example of what was missing."""
    avp = Avp.new(*name)
    avp.payload = b"" if isinstance(avp, AvpGrouped) else bytes(4)
    return avp


def failed(avp: Any) -> Any:
    """Only its head where it is long: nobody is sent more than he said."""
    if len(avp.payload) > TEXT_MAX:
        avp.payload = b""
    return make(FAILED_AVP, [avp])
