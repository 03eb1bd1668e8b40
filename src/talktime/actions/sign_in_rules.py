"""How the members of an organization sign in: who may change it is the door's business, that it was changed is kept."""

from __future__ import annotations

import msgspec

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.core.ids import org_name
from talktime.core.sign_in_rules import SignInRules
from talktime.storage import rule_store
from talktime.storage.database import Tx


def save(tx: Tx, org_id: int, rules: SignInRules, actor: Actor) -> SignInRules:
    old = rule_store.find(tx, org_id)
    if old != rules:
        rule_store.save(tx, org_id, rules)
        told = [msgspec.to_builtins(one) for one in (old, rules)]
        audit.note(tx, org_id, actor, "sign_in_rules.changed", org_name(org_id), *told)
    return rules
