"""Mail of an installation that knows no mail server: each letter is a file, to be looked at."""

from __future__ import annotations

import os
from pathlib import Path

from talktime.notifications.mail import Letter, message_of
from talktime.notifications.outcomes import Fate, Outcome, failed


class Outbox:
    """A folder that its owner alone can read."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder, self._sender = folder, sender

    def where(self, letter_id: str) -> str:
        return f"the file {self._folder / letter_id}.eml"

    def send(self, letter: Letter) -> Outcome:
        try:
            content = message_of(letter, self._sender).as_bytes()
        except ValueError as error:
            return failed(Fate.REFUSED, error)
        try:
            self._write(f"{letter.letter_id}.eml", content)
        except OSError as error:
            return failed(Fate.AGAIN, error)
        return Outcome(Fate.SENT)

    def _write(self, name: str, content: bytes) -> None:
        """Whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = self._folder / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        scratch.replace(self._folder / name)
