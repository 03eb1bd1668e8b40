"""A real mail server on this machine: what reaches it is kept, and it refuses what it is told to refuse.

with mailbox() as box:
    ... box.url ...
    assert box.letters[0]["Subject"] == "..."
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.support.ports import free_port

USER, PASSWORD = "talktime", "p@ss/word"


class Mailbox:
    def __init__(self, host: str, port: int, scheme: str) -> None:
        self.host, self.port, self.scheme = host, port, scheme
        self.letters: list[EmailMessage] = []
        self.reached: list[tuple[str, ...]] = []
        """The recipients of each letter, as the server was told."""
        self.refuses: dict[str, str] = {}
        """What it answers for these recipients."""
        self.answer = "250 OK"
        """To a whole letter."""
        self.farewell = "221 Bye"
        self.signed_in: list[str] = []
        self.was_private: list[bool] = []
        """Whether a letter came by a line that nobody else can read."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def url_as(self, user: str, password: str) -> str:
        return f"{self.scheme}://{user}:{password}@{self.host}:{self.port}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            letter = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
            self.reached.append(tuple(envelope.rcpt_tos))
            self.was_private.append(server.transport.get_extra_info("ssl_object") is not None)
        return self.answer

    async def handle_QUIT(self, server: Any, session: Any, envelope: Envelope) -> str:
        return self.farewell

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        name, password = data.login.decode(), data.password.decode()
        self.signed_in.append(name)
        return AuthResult(success=(name, password) == (USER, PASSWORD), handled=False)


@contextmanager
def mailbox(
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    wants_sign_in: bool = False,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Mailbox]:
    box = Mailbox(host, port or free_port(), "smtps" if tls else "smtp")
    options: dict[str, Any] = {"tls_context": starttls, "auth_require_tls": False, "ssl_context": tls}
    if wants_sign_in:
        options |= {"auth_required": True, "authenticator": box.authenticate}
    server = Controller(box, hostname=host, port=box.port, **options)
    server.start()
    try:
        yield box
    finally:
        server.stop()
