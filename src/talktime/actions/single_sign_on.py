"""Single sign-on as an organization sets it up: its own server for signing in (OpenID Connect), and our name there.

Pages call, the first two outside of a transaction:

    check(identity, issuer)                                             the issuer as it names itself; Invalid("issuer")
    path_of(org_id), returns_to(public_url, org_id)                     where members begin; what is registered there
    database.write(org_id, save, vault, identity, org_id, wanted, actor)
    database.write(org_id, switch_off, org_id, actor)
    database.write(org_id, release, org_id, member_id, actor)           another account of theirs may be linked
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid
from talktime.actions.members import found
from talktime.actions.organizations import locked
from talktime.core.identities import Unknown, issuer_of
from talktime.core.ids import org_name
from talktime.core.sign_in_rules import Sso, needs_single_sign_on
from talktime.identity.identity import Identity
from talktime.identity.known import Client
from talktime.storage import credential_store, rule_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.member_store import MemberRow
from talktime.storage.sealed_store import SSO
from talktime.storage.vault import Vault, place_of

SAID_OF_ISSUER = {"sso_not_reached": "issuer_not_reached", "sso_not_usable": "issuer_not_usable"}
"""To whoever sets it up; who only signs in is told less."""
CLIENT_ID_LENGTH_MAX, SECRET_LENGTH_MAX = 200, 1000


class Wanted(Struct, frozen=True, kw_only=True):
    """`client_secret`: None keeps the one that is there of this issuer, empty is for a server that gives none."""

    issuer: str
    client_id: str
    client_secret: str | None = None
    enforced: bool = False


def check(identity: Identity, issuer: str) -> str:
    """Asks the server. Its own spelling of its name is what is saved."""
    _check_issuer(identity, issuer)
    server = identity.check(issuer)
    if isinstance(server, Unknown):
        raise Invalid(SAID_OF_ISSUER[server.code], "issuer", why=server.detail)
    return server.issuer


def save(tx: Tx, vault: Vault, identity: Identity, org_id: int, wanted: Wanted, actor: Actor) -> Sso:
    _check(identity, wanted)
    locked(tx, org_id)
    rules, kept = rule_store.find(tx, org_id), rule_store.sso_secret(tx, org_id)
    made = Sso(issuer=wanted.issuer, client_id=wanted.client_id, enforced=wanted.enforced)
    # One server's secret is told to no other.
    if kept and wanted.client_secret is None and rules.sso and rules.sso.issuer != wanted.issuer:
        raise Invalid("missing_field", "client_secret")
    secret = _sealed(vault, org_id, wanted.client_secret, kept)

    rule_store.save(tx, org_id, replace(rules, sso=made))
    rule_store.save_sso_secret(tx, org_id, secret)
    new = _told(made, "another" if secret and secret != kept else "set" if secret else None)
    audit.note(
        tx, org_id, actor, "sign_in_rules.sso_changed", org_name(org_id), _told(rules.sso, "set" if kept else None), new
    )
    return made


def switch_off(tx: Tx, org_id: int, actor: Actor) -> None:
    """Passwords again. Who has none asks for one by mail."""
    locked(tx, org_id)
    rules, kept = rule_store.find(tx, org_id), rule_store.sso_secret(tx, org_id)
    if rules.sso is None:
        return

    rule_store.save(tx, org_id, replace(rules, sso=None))
    rule_store.save_sso_secret(tx, org_id, None)
    old = _told(rules.sso, "set" if kept else None)
    audit.note(tx, org_id, actor, "sign_in_rules.sso_changed", org_name(org_id), old, {})


def release(tx: Tx, org_id: int, member_id: str, actor: Actor) -> None:
    """The next account of the other server with the member's verified address is his."""
    found(tx, org_id, member_id)
    credential = credential_store.find(tx, org_id, member_id)
    if credential.sso_subject is None:
        return
    credential_store.save(tx, org_id, replace(credential, sso_subject=None))
    audit.note(tx, org_id, actor, "member.sso_released", member_id, {"issuer": issuer_of(credential.sso_subject)}, {})


def client_of(tx: ReadTx, vault: Vault, org_id: int, public_url: str) -> Client | None:
    """None: it is not set up there, or there is no such organization."""
    sso, sealed = rule_store.find(tx, org_id).sso, rule_store.sso_secret(tx, org_id)
    if sso is None:
        return None
    secret = None if sealed is None else vault.open(sealed, place_of(SSO, org_id))
    return Client(sso.issuer, sso.client_id, secret, returns_to(public_url, org_id))


def path_of(org_id: int) -> str:
    """Where members of the organization begin."""
    return f"/sso/{org_name(org_id)}"


def way_in(tx: ReadTx, org_id: int) -> str | None:
    """For members, where there is single sign-on."""
    return path_of(org_id) if rule_store.find(tx, org_id).sso else None


def takes_password(tx: ReadTx, org_id: int, member: MemberRow) -> bool:
    return not needs_single_sign_on(rule_store.find(tx, org_id), member.roles)


def returns_to(public_url: str, org_id: int) -> str:
    """Where they come back to: an address for each organization, so that no server answers in another's name."""
    return f"{public_url}{path_of(org_id)}/callback"


def _check(identity: Identity, wanted: Wanted) -> None:
    _check_issuer(identity, wanted.issuer)
    if not wanted.client_id or not _is_plain(wanted.client_id, CLIENT_ID_LENGTH_MAX):
        raise Invalid("invalid_client_id", "client_id")
    if wanted.client_secret is not None and not _is_plain(wanted.client_secret, SECRET_LENGTH_MAX):
        raise Invalid("invalid_client_secret", "client_secret")


def _check_issuer(identity: Identity, issuer: str) -> None:
    if not identity.may_ask(issuer) or "?" in issuer:
        raise Invalid("invalid_issuer", "issuer")


def _is_plain(text: str, length_max: int) -> bool:
    return len(text) <= length_max and text.isascii() and text.isprintable()


def _sealed(vault: Vault, org_id: int, secret: str | None, kept: bytes | None) -> bytes | None:
    if secret is None:
        return kept
    return vault.seal(secret, place_of(SSO, org_id)) if secret else None


def _told(sso: Sso | None, secret: str | None) -> dict[str, Any]:
    """Of the secret only whether there is one, and whether it is another."""
    if sso is None:
        return {}
    return {"issuer": sso.issuer, "client_id": sso.client_id, "enforced": sso.enforced, "client_secret": secret}
