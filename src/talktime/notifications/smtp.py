"""Mail over SMTP. A password never goes over a line that others can read."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from talktime.notifications.mail import Letter, message_of
from talktime.notifications.outcomes import Fate, Outcome, failed

SECONDS_MAX = 20.0
PORTS = {"smtp": 587, "smtps": 465}
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
"""On the same machine nobody listens on the way."""

Refusals = Mapping[str, tuple[int, bytes]]


class Server(NamedTuple):
    tls: bool
    """From the first byte; otherwise by STARTTLS."""
    host: str
    port: int
    user: str
    password: str


def server_of(url: str) -> Server:
    """Raises ValueError for what is no address of a mail server."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("it is an address like smtp://user:password@mail.example.com:587, or smtps://")
    port = parts.port or PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(parts.scheme == "smtps", parts.hostname, port, user, password)


class Smtp:
    def __init__(self, server: Server, sender: str, tls: ssl.SSLContext | None = None) -> None:
        self._server, self._sender = server, sender
        self._tls = tls or ssl.create_default_context()

    def where(self, letter_id: str) -> str:
        return f"the mail server {self._server.host}:{self._server.port}"

    def send(self, letter: Letter) -> Outcome:
        try:
            message = message_of(letter, self._sender)
        except ValueError as error:
            return failed(Fate.REFUSED, error)
        try:
            return _outcome(self._deliver(message), letter.recipients)
        except smtplib.SMTPRecipientsRefused as error:
            return _outcome(error.recipients, letter.recipients)
        except (smtplib.SMTPDataError, smtplib.SMTPNotSupportedError) as error:
            return _of_the_letter(error)
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            # A server that is away, a wrong password, a sender that is not allowed: somebody will mend it.
            return failed(Fate.AGAIN, error, getattr(error, "smtp_code", None))

    def _deliver(self, message: EmailMessage) -> Refusals:
        connection = self._connected()
        try:
            refusals = connection.send_message(message)
            # It has been taken, however they part.
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            return refusals
        finally:
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=SECONDS_MAX, context=self._tls
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=SECONDS_MAX)
        try:
            self._sign_in(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _sign_in(self, connection: smtplib.SMTP) -> None:
        server = self._server
        connection.ehlo_or_helo_if_needed()
        private = server.tls or server.host in HERE
        if not private and connection.has_extn("starttls"):
            connection.starttls(context=self._tls)
            private = True
        if server.user:
            if not private:
                raise smtplib.SMTPException("the server offers no TLS, so the password was not sent")
            connection.login(server.user, server.password)


def _of_the_letter(error: smtplib.SMTPException) -> Outcome:
    status = getattr(error, "smtp_code", None)
    fate = Fate.AGAIN if status is not None and status < 500 else Fate.REFUSED
    return failed(fate, error, status)


def _outcome(refusals: Refusals, recipients: tuple[str, ...]) -> Outcome:
    """Some recipients may be refused, and some for a while only."""
    if not refusals:
        return Outcome(Fate.SENT)
    later = tuple(one for one, (code, _) in refusals.items() if code < 500)
    words = "; ".join(f"{one}: {code} {said.decode(errors='replace')}" for one, (code, said) in refusals.items())
    fate = Fate.AGAIN if later else Fate.REFUSED if len(refusals) == len(recipients) else Fate.SENT
    told = failed(fate, words, next(iter(refusals.values()))[0])
    return Outcome(told.fate, told.status, told.error, later)
