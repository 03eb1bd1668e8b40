"""What kind of call this is: all that the rules ask about it before they ask about money."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.call_types import (
    INBOUND,
    MEETINGS,
    NOBODY_PAYS,
    OF_SERVICE_NUMBERS,
    OWN_CARRIER,
    PRICED_BY,
    TOLL_FREE_PRICES,
    CallType,
)
from talktime.core.calls import Asked
from talktime.core.catalogue import NOTHING, Rights
from talktime.core.knowledge import Knowledge
from talktime.core.licence_terms import Ability, Licence
from talktime.core.may_dial import OWN_CALLS
from talktime.core.numbers import Number, NumberKind
from talktime.core.organizations import Account, User
from talktime.core.phone import is_usable
from talktime.core.pools import Pool, paying_pool
from talktime.core.prices import PriceKind
from talktime.core.usage import Context, NumberType
from talktime.core.zones import is_same_country

_OF_USERS = OWN_CALLS | {CallType.USER_IN}


class Case(Struct, frozen=True, gc=False):
    number: Number | None
    """None: what was asked for cannot be called."""
    home: str | None
    """Where the user is by licence; without a user, the organization."""
    rights: Rights
    licence: Licence | None
    """The one that decides."""
    outgoing: bool
    own_carrier: bool
    emergency: bool
    toll_free: bool
    """It came in over a toll-free number of ours."""
    free: bool
    """Nobody has to pay."""
    pool: Pool | None
    kinds: tuple[PriceKind, ...]

    @property
    def asks_credits_licence(self) -> bool:
        """Not of a toll-free number under a subscription, nor of one that an attendant or a queue answers (D-19)."""
        return not self.toll_free or _is_per_minute(self.licence)

    @property
    def context(self) -> Context:
        if not self.outgoing or self.number is None or self.emergency:
            return Context.UNKNOWN
        return Context.DOMESTIC if is_same_country(self.home, self.number.country) else Context.INTERNATIONAL


def case_of(asked: Asked, account: Account, user: User | None, knowledge: Knowledge, toll_free: bool) -> Case:
    call_type = asked.call_type
    outgoing = call_type not in INBOUND
    home = _home(asked, account, user)
    number = _number(asked, knowledge, home, outgoing)
    emergency = call_type is CallType.DR_EMERGENCY_OUT or _is_emergency(number)
    rights = knowledge.catalogue.rights(user.codes) if user else NOTHING
    licence = _deciding(call_type, rights)
    toll_free = toll_free and call_type in OF_SERVICE_NUMBERS
    return Case(
        number,
        home,
        rights,
        licence,
        outgoing,
        call_type in OWN_CARRIER,
        emergency,
        toll_free,
        emergency or _is_free(call_type, licence, toll_free),
        None if emergency else _pool(asked, user, licence, number),
        TOLL_FREE_PRICES if toll_free else PRICED_BY.get(call_type, ()),
    )


def _home(asked: Asked, account: Account, user: User | None) -> str | None:
    """Of a name that nobody knows nothing is known, so that every emergency number counts for him."""
    if user:
        return user.location
    return account.country if asked.user is None else None


def _number(asked: Asked, knowledge: Knowledge, home: str | None, outgoing: bool) -> Number | None:
    if outgoing:
        number = knowledge.numbers.dialled(asked.to, home)
        return None if number.kind is NumberKind.SHORT else number
    return knowledge.numbers.of(asked.to) if is_usable(asked.to) else None


def _is_emergency(number: Number | None) -> bool:
    return number is not None and number.kind is NumberKind.EMERGENCY


def _deciding(call_type: CallType, rights: Rights) -> Licence | None:
    if call_type in MEETINGS:
        return rights.meetings
    if call_type is CallType.UCAP_OUT:
        return rights.machines
    return rights.calls if call_type in _OF_USERS else None


def _is_per_minute(licence: Licence | None) -> bool:
    return licence is not None and licence.ability in (Ability.CONFERENCING_PER_MINUTE, Ability.CALLING_PER_MINUTE)


def _is_free(call_type: CallType, licence: Licence | None, toll_free: bool) -> bool:
    if call_type in NOBODY_PAYS:
        return True
    if toll_free or call_type not in OF_SERVICE_NUMBERS:
        return False
    return call_type is CallType.UCAP_IN or not _is_per_minute(licence)


def _pool(asked: Asked, user: User | None, licence: Licence | None, number: Number | None) -> Pool | None:
    if licence is None or user is None or number is None or not licence.minutes:
        return None
    from_meeting = asked.call_type is CallType.CONF_OUT
    if not from_meeting and asked.call_type not in OWN_CALLS:
        return None
    return paying_pool(licence, number, user.user_id, user.location, from_meeting)


def number_type(asked: Asked, case: Case) -> NumberType:
    if case.toll_free:
        return NumberType.TOLL_FREE
    return NumberType.SUBSCRIBER if asked.call_type in _OF_USERS else NumberType.SERVICE
