"""How the members of an organization sign in, for people."""

from __future__ import annotations

from talktime.core.sign_in_rules import SignInRules
from talktime.storage import rule_store
from talktime.storage.database import ReadTx


def rules_of(tx: ReadTx, org_id: int) -> SignInRules:
    return rule_store.find(tx, org_id)


def has_secret(tx: ReadTx, org_id: int) -> bool:
    """Whether one is kept for the organization's own server. It is shown to nobody."""
    return rule_store.sso_secret(tx, org_id) is not None
