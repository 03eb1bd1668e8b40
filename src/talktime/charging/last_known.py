"""Where organizations and users are, as it was last read: for emergency calls while nothing can be read (D-44)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from talktime.core.call_types import INBOUND, CallType
from talktime.core.calls import Asked, Authorize, Command, Granted, Key
from talktime.core.numbers import NUMBERS, NumberKind, Numbers
from talktime.core.organizations import GRACE_SECONDS, SLICE_SECONDS, Account, User
from talktime.core.time import SECOND
from talktime.core.usage import Payer

USERS_KEPT = 200_000


class LastKnown:
    def __init__(self, countries: Mapping[int, str]) -> None:
        self._countries = dict(countries)
        self._users: dict[Key, str | None] = {}
        self._numbers = NUMBERS

    def learn(self, accounts: Mapping[int, Account], users: Mapping[Key, User], numbers: Numbers) -> None:
        """`numbers`: with those that the operator has added."""
        self._numbers = numbers
        for org_id, account in accounts.items():
            self._countries[org_id] = account.country
        for key, user in users.items():
            self._users[key] = user.location
        if len(self._users) > USERS_KEPT:
            self._forget()

    def _forget(self) -> None:
        """Half of them, the longest known: whoever is forgotten may call every emergency number there is."""
        for key in list(islice(self._users, USERS_KEPT // 2)):
            # Two lanes may forget at once.
            self._users.pop(key, None)

    def emergency(self, command: Command) -> Granted | None:
        """What an emergency call is answered without a store; None: it is another call."""
        if not isinstance(command, Authorize) or not self._is_emergency(command.org_id, command.asked):
            return None
        expires_at = command.at + (SLICE_SECONDS + GRACE_SECONDS) * SECOND
        ask_again = SLICE_SECONDS - SLICE_SECONDS // 5
        return Granted(SLICE_SECONDS, False, ask_again, expires_at, 0, None, payer=Payer.NONE, emergency=True)

    def _is_emergency(self, org_id: int, asked: Asked) -> bool:
        if asked.call_type in INBOUND:
            return False
        dialled = self._numbers.dialled(asked.to, self._location(org_id, asked.user))
        return asked.call_type is CallType.DR_EMERGENCY_OUT or dialled.kind is NumberKind.EMERGENCY

    def _location(self, org_id: int, user: str | None) -> str | None:
        """None: not known, and every emergency number there is counts."""
        if user is not None:
            return self._users.get((org_id, user))
        return self._countries.get(org_id)
