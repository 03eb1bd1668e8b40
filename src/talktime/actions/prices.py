"""Price lists: drafted, looked at, published as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.core.price_changes import Difference, compare
from talktime.core.prices import Row
from talktime.core.scopes import OPERATOR_ORG
from talktime.storage import price_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.price_store import Head, Version


class Draft(Struct, frozen=True):
    """What somebody sent, packed as it is kept; None: as the list has it."""

    rows: bytes
    row_count: int
    name: str | None = None
    currency: str | None = None
    charge_decimals: int | None = None
    default: bool | None = None


def draft_of(
    rows: Sequence[Row],
    name: str | None,
    currency: str | None,
    charge_decimals: int | None,
    default: bool | None,
) -> Draft:
    """Before the transaction: packing a hundred thousand rows takes its time."""
    return Draft(price_store.packed(rows), len(rows), name, currency, charge_decimals, default)


class Known(Struct, frozen=True):
    """A list with all its versions, without their rows."""

    head: Head
    versions: tuple[Version, ...]

    def in_force(self, now: int) -> Version | None:
        published = [one for one in self.versions if one.published_at is not None and one.published_at <= now]
        return max(published, key=lambda one: (one.published_at, one.version), default=None)

    @property
    def draft(self) -> Version | None:
        return next((one for one in self.versions if one.published_at is None), None)


def found(tx: ReadTx, list_id: str) -> Known:
    head = price_store.find(tx, list_id)
    if head is None:
        raise NotFound
    return Known(head, tuple(price_store.versions(tx, [list_id])))


def known(tx: ReadTx, heads: Sequence[Head]) -> Sequence[Known]:
    versions = price_store.versions(tx, [head.list_id for head in heads])
    return [Known(head, tuple(one for one in versions if one.list_id == head.list_id)) for head in heads]


def create(tx: Tx, list_id: str, draft: Draft, actor: Actor) -> Known:
    """Its rows are a draft until they are published."""
    name, currency, decimals = draft.name or "Price list", draft.currency, draft.charge_decimals
    assert currency is not None and decimals is not None
    price_store.add(tx, Head(list_id, name, currency, decimals, False, actor.now))
    price_store.replace_draft(tx, Version(list_id, 1, decimals, None, draft.row_count, actor.now), draft.rows)
    if draft.default:
        _make_default(tx, found(tx, list_id), actor.now)
    made = found(tx, list_id)
    audit.note(tx, OPERATOR_ORG, actor, "price_list.created", list_id, None, _told(made))
    return made


def draft_version(tx: Tx, list_id: str, draft: Draft, actor: Actor) -> Known:
    """A new version instead of the draft before, if there was one. What is published stays as it is."""
    known = found(tx, list_id)
    if draft.currency not in (None, known.head.currency):
        raise Invalid("currency_fixed", "currency")
    decimals = known.head.charge_decimals if draft.charge_decimals is None else draft.charge_decimals
    number = 1 + max([one.version for one in known.versions if one != known.draft], default=0)
    price_store.replace_draft(tx, Version(list_id, number, decimals, None, draft.row_count, actor.now), draft.rows)
    audit.note(tx, OPERATOR_ORG, actor, "price_list.drafted", list_id, None, {"rows": draft.row_count})
    return change(tx, list_id, draft.name, draft.default, actor)


def change(tx: Tx, list_id: str, name: str | None, default: bool | None, actor: Actor) -> Known:
    old = found(tx, list_id)
    if name is not None:
        price_store.rename(tx, list_id, name)
    if default and not old.head.is_default:
        _make_default(tx, old, actor.now)
    if default is False and old.head.is_default:
        price_store.no_default(tx, list_id)
    new = found(tx, list_id)
    audit.note(tx, OPERATOR_ORG, actor, "price_list.changed", list_id, _told(old), _told(new))
    return new


def _make_default(tx: Tx, known: Known, now: int) -> None:
    """Not while it has no prices: all calls by the default would be refused until its publication."""
    other = price_store.default_of(tx, known.head.currency)
    if other is not None and other != known.head.list_id and known.in_force(now) is None:
        raise StateConflict("not_published", "default")
    price_store.make_default(tx, known.head)


def publish(tx: Tx, list_id: str, at: int | None, actor: Actor) -> Known:
    """The draft replaces the whole at its instant; one that is not in the future means now."""
    old = found(tx, list_id)
    if old.draft is None:
        raise StateConflict("no_draft")

    price_store.publish(tx, old.draft, max(at or 0, actor.now))

    new = found(tx, list_id)
    audit.note(tx, OPERATOR_ORG, actor, "price_list.published", list_id, _told(old), _told(new))
    return new


def rows(tx: ReadTx, known: Known, version: int | None, now: int) -> list[Row]:
    """Of one version; without a number of what is in force, or else of the draft."""
    wanted = version if version is not None else _shown(known, now).version
    if wanted not in [one.version for one in known.versions]:
        raise NotFound
    return price_store.rows_of(tx, known.head.list_id, wanted)


def preview(tx: ReadTx, list_id: str, now: int) -> Difference:
    """What publishing the draft would change."""
    known = found(tx, list_id)
    if known.draft is None:
        raise StateConflict("no_draft")
    current = known.in_force(now)
    before = price_store.rows_of(tx, list_id, current.version) if current else []
    return compare(before, price_store.rows_of(tx, list_id, known.draft.version))


def compare_with(tx: ReadTx, list_id: str, other_id: str, now: int) -> Difference:
    """From this list to the other, each as it is in force, or else as its draft."""
    mine, theirs = found(tx, list_id), price_store.find(tx, other_id)
    if theirs is None:
        raise Invalid("unknown_price_list", "with")
    return compare(rows(tx, mine, None, now), rows(tx, found(tx, other_id), None, now))


def _shown(known: Known, now: int) -> Version:
    return known.in_force(now) or known.draft or known.versions[-1]


def _told(known: Known) -> dict[str, object]:
    published = {str(one.version): one.published_at for one in known.versions}
    head = known.head
    return {"name": head.name, "currency": head.currency, "default": head.is_default, "versions": published}
