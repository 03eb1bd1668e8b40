"""How the members of an organization sign in, as it has chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from talktime.core.roles import ADMINISTRATOR, may_change

SecondFactor = Literal["required", "optional"]
PASSWORD_LENGTH, PASSWORD_LENGTH_LEAST, PASSWORD_LENGTH_MOST = 12, 10, 200


class Sso(Struct, frozen=True, kw_only=True):
    """Where the organization's own server for signing in is. Its secret is kept apart."""

    issuer: str
    client_id: str
    enforced: bool = False


class SignInRules(Struct, frozen=True, kw_only=True):
    second_factor: SecondFactor = "required"
    """Of those who may change anything."""
    password_length: int = PASSWORD_LENGTH
    sso: Sso | None = None


def needs_second_factor(rules: SignInRules, roles: Iterable[str]) -> bool:
    return rules.second_factor == "required" and may_change(roles)


def needs_single_sign_on(rules: SignInRules, roles: Iterable[str]) -> bool:
    """A global administrator keeps the password: somebody must get in when the other server is down."""
    return rules.sso is not None and rules.sso.enforced and ADMINISTRATOR not in roles
