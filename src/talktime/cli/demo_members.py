"""Who can sign in to the demonstration, with a password that nobody could guess."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from talktime.core.ids import org_number
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.sign_in_rules import SignInRules

if TYPE_CHECKING:
    from talktime.app import App

OPERATOR = {"name": "Olga Ohm", "email": "operator@example.com", "roles": ["operator"]}
WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "hazel", "indigo", "juniper", "kelp", "lotus")


class SignIn(NamedTuple):
    who: str
    email: str
    password: str


def let_in(app: App, send: Callable[..., Any], organization: str) -> list[SignIn]:
    """All members of the organization and one of the operator. It is for trying out, so one factor is enough."""
    from talktime.actions import sign_in_rules
    from talktime.actions.audit import Actor
    from talktime.actions.credentials import set_password

    org_id = org_number(organization)
    assert org_id is not None
    operator = send("POST", "/v1/operator/members", OPERATOR)
    members = send("GET", "/v1/members", organization=organization)["data"]
    password = _password()
    for owner, people in ((org_id, members), (OPERATOR_ORG, [operator])):
        actor = Actor("demo", app.now())
        app.database.write(owner, sign_in_rules.save, owner, SignInRules(second_factor="optional"), actor)
        for person in people:
            set_password(app.database, owner, person["id"], password, actor)
    return [SignIn(_role(person), person["email"], password) for person in (*members, operator)]


def _role(person: dict[str, Any]) -> str:
    return str(person["roles"][0]).replace("_", " ")


def _password() -> str:
    return "-".join([*(secrets.choice(WORDS) for _ in range(4)), str(secrets.randbelow(9000) + 1000)])
