"""How Diameter calls an outcome: RFC 6733 section 7.1, RFC 8506 section 9."""

from __future__ import annotations

from enum import IntEnum

from talktime.integrations.platform import NoDecision


class Code(IntEnum):
    SUCCESS = 2001
    COMMAND_UNSUPPORTED = 3001
    UNABLE_TO_DELIVER = 3002
    REALM_NOT_SERVED = 3003
    TOO_BUSY = 3004
    APPLICATION_UNSUPPORTED = 3007
    INVALID_HDR_BITS = 3008
    INVALID_AVP_BITS = 3009
    UNKNOWN_PEER = 3010
    END_USER_SERVICE_DENIED = 4010
    CREDIT_LIMIT_REACHED = 4012
    AVP_UNSUPPORTED = 5001
    UNKNOWN_SESSION_ID = 5002
    AUTHORIZATION_REJECTED = 5003
    INVALID_AVP_VALUE = 5004
    MISSING_AVP = 5005
    AVP_OCCURS_TOO_MANY_TIMES = 5009
    NO_COMMON_APPLICATION = 5010
    UNABLE_TO_COMPLY = 5012
    INVALID_AVP_LENGTH = 5014
    USER_UNKNOWN = 5030
    RATING_FAILED = 5031

    @property
    def is_protocol_error(self) -> bool:
        """Such an answer says nothing about the call: it may be asked again."""
        return 3000 <= self < 4000


REFUSALS = {
    "no_balance": Code.CREDIT_LIMIT_REACHED,
    "credits_not_set_up": Code.CREDIT_LIMIT_REACHED,
    "no_credits_licence": Code.CREDIT_LIMIT_REACHED,
    "no_licence": Code.USER_UNKNOWN,
    "invalid_number": Code.RATING_FAILED,
    "no_rate": Code.RATING_FAILED,
    "already_ended": Code.UNKNOWN_SESSION_ID,
}
"""Whatever else the platform refuses for is denied to this user."""


def of_refusal(reason: str) -> Code:
    return REFUSALS.get(reason, Code.END_USER_SERVICE_DENIED)


def of_silence(error: NoDecision) -> Code:
    """Why there is no decision, as far as a client can use it: whether asking again may help."""
    if error.status is None:
        return Code.TOO_BUSY if error.may_have_acted else Code.UNABLE_TO_DELIVER
    if error.status == 422:
        return Code.RATING_FAILED
    return Code.TOO_BUSY if error.status >= 500 or error.status == 429 else Code.UNABLE_TO_COMPLY
