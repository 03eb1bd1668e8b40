"""From a notice to those who hear of it: written in one step, sent afterwards by whoever comes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import structlog
from msgspec import Struct

from talktime.actions.organizations import CLOSED, found
from talktime.core.ids import org_name, uuid7_of
from talktime.core.notices import OF_FUNDS_LEFT, recipients
from talktime.core.time import moment
from talktime.storage import delivery_store, member_store, notice_store, receipt_store, user_store, webhook_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.delivery_store import EMAIL, NOBODY, WAITING, WEBHOOK, DeliveryRow
from talktime.storage.notice_rows import Notice
from talktime.storage.org_store import Organization
from talktime.storage.webhook_store import WebhookRow

PORTION = 100
log = structlog.get_logger("talktime.actions")


class MailBody(Struct):
    """What a letter is made of when it is sent."""

    details: dict[str, str]
    left: list[str] | None = None
    """Whom it did not reach yet, when it reached others."""


def tell_all(database: Database, now: Callable[[], int]) -> int:
    """What nobody has heard of yet, of all organizations; how much it was."""
    return sum(_told(database, org_id, now) for org_id in untold(database))


def untold(database: Database) -> Sequence[int]:
    return database.read(EVERYBODY, notice_store.untold, PORTION)


def tell_everything(database: Database, org_id: int, now: int) -> int:
    """All that an organization has to be told, in portions."""
    done = 0
    while portion := database.write(org_id, tell, org_id, now):
        done += portion
    return done


def _told(database: Database, org_id: int, now: Callable[[], int]) -> int:
    try:
        return tell_everything(database, org_id, now())
    except Exception:
        # The others must not wait for this one.
        log.exception("nobody could be told", organization=org_name(org_id))
        return 0


def tell(tx: Tx, org_id: int, now: int) -> int:
    """Decides who hears of a portion of notices, each once. `now`: real time, by which mail is sent."""
    org = found(tx, org_id)
    waiting = notice_store.untold_of(tx, org_id, PORTION)
    rows = [row for row in waiting if notice_store.claim(tx, org_id, row.notice_id, org.now(now))]
    if rows:
        audience = _Audience(tx, org, now)
        told = [row for row in rows if org.state != CLOSED or row.event not in OF_FUNDS_LEFT]
        delivery_store.add(tx, [delivery for row in told for delivery in audience.deliveries(row)])
    return len(rows)


class _Audience:
    """Who hears of the events of one organization."""

    def __init__(self, tx: ReadTx, org: Organization, now: int) -> None:
        self._tx, self._org, self._now = tx, org, now
        self._members = member_store.members(tx, org.org_id)
        self._chosen = notice_store.chosen(tx, org.org_id)
        self._receipts_to = receipt_store.details(tx, org.org_id).receipts_to
        self._webhooks = webhook_store.of_organization(tx, org.org_id)

    def deliveries(self, row: Notice) -> Iterator[DeliveryRow]:
        details = self._with_currency(msgspec.json.decode(row.details, type=dict[str, str]))
        yield from self._mails(row, details)
        for webhook in self._webhooks:
            if row.event in webhook.wanted:
                yield webhook_delivery(webhook, row.event, row.notice_id, row.at, details, self._now)

    def _with_currency(self, details: dict[str, str]) -> dict[str, str]:
        """No amount stands without one."""
        amounts = details.keys() & {"amount", "balance", "level", "spent"}
        return {"currency": self._org.currency, **details} if amounts else details

    def _mails(self, row: Notice, details: dict[str, str]) -> Iterator[DeliveryRow]:
        """One for each language. That nobody is there to be told is kept, too."""
        told = recipients(row.event, self._members, self._chosen, self._org.language, self._receipts_to)
        if not told:
            yield self._mail(row, self._org.language, (), "{}")
            return
        body = _json(MailBody(details | self._names(row.event, details)))
        for language, addresses in told.items():
            yield self._mail(row, language, addresses, body)

    def _mail(self, row: Notice, language: str, addresses: Sequence[str], body: str) -> DeliveryRow:
        return DeliveryRow(
            org_id=row.org_id,
            delivery_id=_id(self._now, f"{row.notice_id}:{EMAIL}:{language}"),
            notice_id=row.notice_id,
            channel=EMAIL,
            target="",
            event=row.event,
            recipients=_json(addresses),
            language=language,
            body=body,
            state=WAITING if addresses else NOBODY,
            created_at=self._now,
            ended_at=None if addresses else self._now,
            due_at=self._now if addresses else None,
        )

    def _names(self, event: str, details: Mapping[str, str]) -> dict[str, str]:
        """People know people by their names."""
        user = user_store.find(self._tx, self._org.org_id, details["user"]) if "user" in details else None
        return {"user_name": f"{user.name} ({user.sign_in_name})"} if user else {}


def webhook_delivery(
    webhook: WebhookRow, event: str, notice_id: str, at: int, details: Mapping[str, str], now: int
) -> DeliveryRow:
    """The very bytes that are sent, however often."""
    named = {"organization": org_name(webhook.org_id), "notice": notice_id}
    return DeliveryRow(
        org_id=webhook.org_id,
        delivery_id=_id(now, f"{notice_id}:{webhook.webhook_id}"),
        notice_id=notice_id,
        channel=WEBHOOK,
        target=webhook.webhook_id,
        event=event,
        recipients=_json([webhook.url]),
        language="",
        body=_json({"type": event, "timestamp": moment(at), "data": {**details, **named}}),
        state=WAITING,
        created_at=now,
        due_at=now,
    )


def _id(now: int, cause: str) -> str:
    return f"del_{uuid7_of(now, cause)}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
