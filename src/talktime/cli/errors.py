"""What went wrong, as a sentence for whoever typed the command."""

from __future__ import annotations

import sys

from talktime.cli.options import USAGE, CannotDo
from talktime.settings import SettingsError
from talktime.storage.folder import FolderProblem


def told(error: Exception) -> CannotDo | None:
    """None for what is our own mistake: that needs its traceback."""
    if isinstance(error, CannotDo):
        return error
    if isinstance(error, SettingsError):
        return CannotDo(str(error), USAGE)
    if isinstance(error, FolderProblem):
        return CannotDo(str(error))
    if isinstance(error, OSError) and error.filename:
        return CannotDo(f"{error.filename} cannot be used: {error.strerror}")
    if isinstance(error, BrokenPipeError):
        # Who reads our output has had enough.
        sys.stdout = None
        return CannotDo("the output was cut off")
    return _of_the_store(error) or _of_the_server(error) or _of_the_vault(error)


def _of_the_store(error: Exception) -> CannotDo | None:
    # Here, and not above: a command that needs no database should not wait for its drivers.
    from talktime.storage.errors import NotCompacted, SchemaTooNew, StoreError

    if isinstance(error, SchemaTooNew | NotCompacted):
        return CannotDo(str(error))
    if isinstance(error, StoreError):
        return CannotDo(f"the database does not answer: {' '.join(str(error).split())}")
    return None


def _of_the_server(error: Exception) -> CannotDo | None:
    if "talktime.server" not in sys.modules:
        return None
    from talktime.listening import CannotListen
    from talktime.server import CannotStart

    if isinstance(error, CannotListen | CannotStart):
        return CannotDo(str(error))
    return None


def _of_the_vault(error: Exception) -> CannotDo | None:
    if "talktime.storage.vault" not in sys.modules:
        return None
    from talktime.storage.vault import VaultError

    return CannotDo(str(error)) if isinstance(error, VaultError) else None
