"""Sends what is due: claimed in one step, sent outside any, its outcome noted in another. At least once, never lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from talktime.actions import tickets
from talktime.actions.errors import NotFound
from talktime.actions.links import PAY_LINK, Links
from talktime.actions.notices import MailBody
from talktime.actions.organizations import found
from talktime.actions.personal_letters import PATHS
from talktime.actions.webhooks import secrets_of
from talktime.core.retries import next_try
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import MINUTE, SECOND
from talktime.notifications.letters import About, letter
from talktime.notifications.mail import take
from talktime.notifications.outcomes import Fate, Outcome
from talktime.notifications.post import Post
from talktime.notifications.signatures import signed_headers
from talktime.storage import delivery_store, webhook_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.delivery_store import CANCELLED, EMAIL, PARKED, SENT, WEBHOOK, DeliveryRow
from talktime.storage.errors import StoreError
from talktime.storage.vault import Vault

HELD_FOR = 2 * MINUTE
"""Longer than sending can take: who died over it is followed by another."""
PORTION = 200
THREADS = 8
CHANNELS = (EMAIL, WEBHOOK)
GONE = Outcome(Fate.REFUSED, error="The webhook was removed.")
OURS = Outcome(Fate.AGAIN, error="It could not be sent; the log of the server says why.")
Stop = Callable[[], bool]
log = structlog.get_logger("talktime.actions")


def never() -> bool:
    return False


def deliver_due(
    database: Database,
    vault: Vault,
    post: Post,
    now: Callable[[], int],
    channels: Sequence[str] = CHANNELS,
    stop: Stop = never,
) -> int:
    """Sends what is due by now; how much was tried. Any number of processes may do it at the same time."""
    sender = _Sender(database, vault, post, now, stop)
    due = [row for one in channels for row in database.read(EVERYBODY, delivery_store.due, one, now(), PORTION)]
    lines = _by_receiver(due)
    with ThreadPoolExecutor(THREADS, "post") as threads:
        return sum(threads.map(sender.send_in_turn, lines))


def _by_receiver(rows: Sequence[DeliveryRow]) -> list[list[DeliveryRow]]:
    """Who is slow keeps nobody waiting but himself. Mail goes one by one: it is one server that takes it."""
    lines: dict[tuple[int, str], list[DeliveryRow]] = {}
    for row in rows:
        lines.setdefault((row.org_id, row.target) if row.target else (0, EMAIL), []).append(row)
    return list(lines.values())


@dataclass(frozen=True, slots=True)
class _Sender:
    database: Database
    vault: Vault
    post: Post
    now: Callable[[], int]
    stop: Stop

    def send_in_turn(self, rows: Sequence[DeliveryRow]) -> int:
        """To one receiver; after a failure the rest waits for the next time."""
        tried = 0
        for row in rows:
            if self.stop() or not self.database.write(row.org_id, delivery_store.claim, row, self.now() + HELD_FOR):
                continue
            tried += 1
            outcome = self._sent(row)
            self.database.write(row.org_id, note, row, outcome, self.now())
            if outcome.fate is Fate.AGAIN:
                break
        return tried

    def _sent(self, row: DeliveryRow) -> Outcome:
        try:
            return self._mail(row) if row.channel == EMAIL else self._hook(row)
        except StoreError:
            raise
        except Exception:
            # The others must not wait for this one.
            log.exception("a delivery failed", delivery=row.delivery_id)
            return OURS

    def _mail(self, row: DeliveryRow) -> Outcome:
        body = msgspec.json.decode(row.body, type=MailBody)
        about = self._about(row, body.details | self._link(row, body.details))
        left = tuple(row.told if body.left is None else body.left)
        written = letter(row.delivery_id, left, row.language, about, self.post.public_url, self.now())
        return take(self.post.mailer, written)

    def _about(self, row: DeliveryRow, details: Mapping[str, str]) -> About:
        if row.org_id == OPERATOR_ORG:
            return About(event=row.event, organization="Talktime", time_zone="UTC", details=details)
        org = self.database.read(row.org_id, found, row.org_id)
        is_test = org.mode == "test"
        return About(event=row.event, organization=org.name, time_zone=org.time_zone, details=details, is_test=is_test)

    def _link(self, row: DeliveryRow, details: Mapping[str, str]) -> dict[str, str]:
        """Made when it is sent: it is a secret, so it stands nowhere."""
        if "ticket" in details:
            text = tickets.text_of(self.vault.derived(tickets.MAILED), row.org_id, details["ticket"])
            return {"link": f"{self.post.public_url}{PATHS[row.event]}/{text}"}
        if "payment" not in details:
            return {}
        links = Links(self.post.public_url, self.vault.derived(PAY_LINK))
        return {"link": links.for_payment(row.org_id, details["payment"])}

    def _hook(self, row: DeliveryRow) -> Outcome:
        webhook = self.database.read(row.org_id, webhook_store.find, row.org_id, row.target)
        if webhook is None:
            return GONE
        now, body = self.now(), row.body.encode()
        headers = signed_headers(secrets_of(self.vault, webhook, now), row.delivery_id, now // SECOND, body)
        return self.post.hooks.post(webhook.url, headers, body)


def note(tx: Tx, row: DeliveryRow, outcome: Outcome, now: int) -> None:
    """What became of a try. That of a row which was claimed anew meanwhile is the other's business."""
    tries = row.tries + 1
    known: dict[str, Any] = {"status": outcome.status, "error": outcome.error}
    due_at = next_try(tries, now) if outcome.fate is Fate.AGAIN else None
    if due_at is None:
        known |= {"state": _ended(outcome), "due_at": None, "ended_at": now}
    else:
        known |= {"due_at": due_at, "body": _rest(row, outcome)}
    delivery_store.note(tx, row.org_id, row.delivery_id, tries, known)


def _ended(outcome: Outcome) -> str:
    if outcome is GONE:
        return CANCELLED
    return SENT if outcome.fate is Fate.SENT else PARKED


def _rest(row: DeliveryRow, outcome: Outcome) -> str:
    """Who has a letter already does not get it again."""
    if not outcome.left:
        return row.body
    body = msgspec.json.decode(row.body, type=MailBody)
    return msgspec.json.encode(MailBody(body.details, list(outcome.left))).decode()


def find(tx: ReadTx, org_id: int, delivery_id: str, webhook_id: str | None = None) -> DeliveryRow:
    row = delivery_store.find(tx, org_id, delivery_id)
    if row is None or webhook_id not in (None, row.target):
        raise NotFound
    return row


def replay(tx: Tx, org_id: int, delivery_id: str, now: int, webhook_id: str | None = None) -> DeliveryRow:
    """Once more, the same message under the same id, whatever became of it."""
    row = find(tx, org_id, delivery_id, webhook_id)
    if row.told:
        delivery_store.again(tx, org_id, row.delivery_id, now)
    return find(tx, org_id, delivery_id)


def send_test(post: Post, letter_id: str, to: str, language: str, now: int) -> Outcome:
    """A mail that says that mail arrives."""
    about = About(event="test", organization="Talktime", time_zone="UTC", details={})
    return take(post.mailer, letter(letter_id, (to,), language, about, post.public_url, now))
