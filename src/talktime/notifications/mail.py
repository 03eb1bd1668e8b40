"""A letter, and whoever takes it to its recipients."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.time import moment
from talktime.notifications.outcomes import Fate, Outcome, failed


class Letter(Struct, frozen=True, kw_only=True):
    letter_id: str
    """The same letter sent again has the same id, so that a mailbox can tell."""
    recipients: tuple[str, ...]
    language: str
    subject: str
    text: str
    html: str
    at: int
    """When it is sent."""


class Mailer(Protocol):
    def send(self, letter: Letter) -> Outcome: ...

    def where(self, letter_id: str) -> str:
        """It went or would go, for people to read."""
        ...


def take(mailer: Mailer, letter: Letter) -> Outcome:
    """Whose address is none keeps nobody else from his letter."""
    usable = tuple(one for one in letter.recipients if _is_address(one))
    wrong = ", ".join(one for one in letter.recipients if one not in usable)
    if not usable:
        return failed(Fate.REFUSED, f"no usable address: {wrong}")
    outcome = mailer.send(replace(letter, recipients=usable))
    return replace(outcome, error=f"no usable address: {wrong}") if wrong and not outcome.error else outcome


def _is_address(text: str) -> bool:
    try:
        return bool(_address(text))
    except ValueError:
        return False


def message_of(letter: Letter, sender: str) -> EmailMessage:
    """Raises ValueError for an address that is none."""
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = [_address(one) for one in letter.recipients]
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(moment(letter.at))
    message["Message-ID"] = f"<{letter.letter_id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    message["Content-Language"] = letter.language
    return message


def _address(text: str) -> Address:
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, MessageError) as error:
        raise ValueError(f"'{text}' is no address") from error
