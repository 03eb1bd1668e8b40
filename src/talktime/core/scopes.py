"""What a key may do."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from talktime.core.time import NEVER


class Scope(StrEnum):
    CALLS = "calls"
    SWITCHES = "switches"
    FUNDS = "funds"
    USERS = "users"
    REPORTS = "reports"
    RATES = "rates"
    SETTINGS = "settings"
    OPERATOR = "operator"


OPERATOR_ORG = 0


class Caller(Struct, frozen=True, gc=False):
    """Whose key it is. The operator's has no organization of its own."""

    org_id: int
    key_id: str
    scopes: frozenset[Scope]
    addresses: tuple[str, ...] = ()
    expires_at: int = NEVER
    mode: str = "live"

    @property
    def is_operator(self) -> bool:
        return self.org_id == OPERATOR_ORG

    def may(self, scope: Scope) -> bool:
        """An operator's key may do everything; calls include switches."""
        if self.is_operator or scope in self.scopes:
            return True
        return scope is Scope.SWITCHES and Scope.CALLS in self.scopes
