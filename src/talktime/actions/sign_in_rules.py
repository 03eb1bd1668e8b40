"""How the members of an organization sign in: who may change it is the door's business, that it was changed is kept."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid
from talktime.actions.organizations import locked
from talktime.core.ids import org_name
from talktime.core.sign_in_rules import PASSWORD_LENGTH_LEAST, PASSWORD_LENGTH_MOST, SecondFactor, SignInRules
from talktime.storage import rule_store
from talktime.storage.database import Tx


def save(tx: Tx, org_id: int, rules: SignInRules, actor: Actor) -> SignInRules:
    old = rule_store.find(tx, org_id)
    if old != rules:
        rule_store.save(tx, org_id, rules)
        told = [msgspec.to_builtins(one) for one in (old, rules)]
        audit.note(tx, org_id, actor, "sign_in_rules.changed", org_name(org_id), *told)
    return rules


def change(tx: Tx, org_id: int, second_factor: SecondFactor, password_length: int, actor: Actor) -> SignInRules:
    """Single sign-on stays as it is. Passwords that are there already may be shorter."""
    least, most = PASSWORD_LENGTH_LEAST, PASSWORD_LENGTH_MOST
    if not least <= password_length <= most:
        raise Invalid("password_length_range", "password_length", least=least, most=most)
    locked(tx, org_id)
    old = rule_store.find(tx, org_id)
    return save(tx, org_id, replace(old, second_factor=second_factor, password_length=password_length), actor)
