"""The key that encrypts stored secrets is replaced, and nobody notices."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import LargeBinary, insert, update

from talktime.actions.rotation import ROWS_MAX, Rotated, rotate
from talktime.core.ids import org_number
from talktime.storage import sealed_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Tx
from talktime.storage.sealed_store import SEALED, SSO, SWITCH, TOTP
from talktime.storage.vault import Vault, place_of
from tests.web.client import Organization, World

OLD, NEW = bytes(32), bytes(range(32))


def number_of(org: Organization) -> int:
    number = org_number(org.id)
    assert number is not None
    return number


def keep(world: World, org: Organization, old: Vault) -> None:
    """A secret of each kind; webhooks with one that is being replaced."""
    number = number_of(org)
    for hook in ("wh_1", "wh_2"):
        world.app.database.write(number, _webhook, number, hook, old)
    sealed = old.seal("cut", place_of(SWITCH, number, "edge"))
    switch = {"org_id": number, "name": "edge", "switch_id": "sw_1", "cut_token": sealed, "created_at": 1}
    world.app.database.write(number, lambda tx: tx.execute(insert(t.switches).values(switch)))
    sealed = old.seal("totp", place_of(TOTP, number, "mem_1"))
    credential = {"org_id": number, "member_id": "mem_1", "totp_secret": sealed}
    world.app.database.write(number, lambda tx: tx.execute(insert(t.credentials).values(credential)))
    rule = {"org_id": number, "sso_secret": old.seal("sso", place_of(SSO, number))}
    world.app.database.write(number, lambda tx: tx.execute(insert(t.sign_in_rules).values(rule)))


def _webhook(tx: Tx, org_id: int, name: str, vault: Vault) -> None:
    place = place_of("webhook", org_id, name)
    row = {"org_id": org_id, "webhook_id": name, "url": "https://hooks.example", "events": "[]", "created_at": 1}
    tx.execute(
        insert(t.webhooks).values(row | {"secret": vault.seal("now", place), "old_secret": vault.seal("before", place)})
    )


def read(world: World, vault: Vault) -> list[str]:
    """Everything, with this key."""
    found = []
    for what in SEALED:
        for secret in world.app.database.read(EVERYBODY, sealed_store.some, what, (-1, ""), 100):
            names = (secret.name,) if what.name is not None else ()
            found.append(vault.open(secret.sealed, place_of(what.kind, secret.org_id, *names)))
    return sorted(found)


def test_everything_is_sealed_anew_and_can_be_read_without_the_old_key(anywhere: World) -> None:
    for _ in range(2):
        keep(anywhere, anywhere.organization(), Vault(OLD))
    told = rotate(anywhere.app.database, Vault(NEW, OLD))
    assert told == Rotated(anew=14)
    assert read(anywhere, Vault(NEW)) == sorted(["cut", "totp", "sso", *["now", "before"] * 2] * 2)
    assert rotate(anywhere.app.database, Vault(NEW, OLD)) == Rotated(already=14)


def test_what_none_of_the_keys_opens_is_told_and_left(world: World) -> None:
    keep(world, world.organization(), Vault(bytes(31) + b"x"))
    assert rotate(world.app.database, Vault(NEW, OLD)) == Rotated(unreadable=7)


def test_many_are_done_in_pieces(world: World) -> None:
    org_id = number_of(world.organization())

    def fill(tx: Tx) -> None:
        for number in range(ROWS_MAX + 1):
            _webhook(tx, org_id, f"wh_{number:05}", Vault(OLD))

    world.app.database.write(org_id, fill)
    told: list[int] = []
    assert rotate(world.app.database, Vault(NEW, OLD), told.append).anew == 2 * (ROWS_MAX + 1)
    assert told == [ROWS_MAX, 1] * 2


def test_who_changes_a_secret_meanwhile_is_not_overwritten(world: World) -> None:
    org_id = number_of(world.organization())
    world.app.database.write(org_id, _webhook, org_id, "wh_1", Vault(OLD))
    what = SEALED[3]
    seen = world.app.database.read(EVERYBODY, sealed_store.some, what, (-1, ""), 1)[0]
    changed = update(t.webhooks).where(t.webhooks.c.org_id == org_id).values(secret=b"changed")
    world.app.database.write(org_id, lambda tx: tx.execute(changed))
    assert world.app.database.write(org_id, sealed_store.put, what, seen, b"mine") is False


def test_no_sealed_column_is_forgotten() -> None:
    packed = {("price_versions", "rows")}
    binary = {
        (table.name, column.name)
        for table in t.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert {(what.table.name, what.column.name) for what in SEALED} == binary - packed


def test_what_was_made_from_the_old_key_is_good_while_it_is_kept() -> None:
    assert Vault(NEW, OLD).derived("links") == Vault(OLD).derived("links")
    assert Vault(NEW).derived("links") != Vault(OLD).derived("links")


def test_while_it_is_replaced_everybody_reads_what_anybody_writes_and_links_stay_good() -> None:
    """Servers and workers are started again one after the other: at any time two of these are in use."""
    ways = [(OLD,), (OLD, NEW, OLD), (NEW, OLD)]
    for before, after in pairwise(Vault(*keys) for keys in ways):
        for writer, reader in ((before, after), (after, before)):
            assert reader.open(writer.seal("secret", "here"), "here") == "secret"
        assert before.derived("links") == after.derived("links")
