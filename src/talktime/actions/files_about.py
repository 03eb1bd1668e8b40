"""Files that may name a person: letters in the outbox, and finished exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from talktime.actions.exports import EXPORT
from talktime.actions.persons import CannotErase
from talktime.core.persons import Person
from talktime.storage import delivery_store, job_store
from talktime.storage.database import Database, ReadTx, Tx


@dataclass(frozen=True, slots=True)
class Files:
    """Where they are."""

    outbox: Path
    exports: Path | None = None
    """None: exports stay for the few days that they are kept anyway."""

    def forget(self, database: Database, org_id: int, person: Person) -> int:
        """Letters to the person, and all exports of the organization: they can be made again."""
        letters = _about(database, org_id, person, self.outbox)
        for path in letters:
            path.unlink(missing_ok=True)
        return len(letters) + (_forget_exports(database, org_id, self.exports) if self.exports else 0)

    def make_anew(self, tx: Tx, org_id: int) -> None:
        """Exports that were begun before the person was forgotten: from now on they read that somebody was."""
        if self.exports:
            job_store.begin_anew(tx, org_id, EXPORT)


def _about(database: Database, org_id: int, person: Person, outbox: Path) -> list[Path]:
    """Each is named by its delivery; of another organization it is none of ours."""
    ours = database.read(org_id, _ours, org_id, sorted(outbox.glob("*.eml")))
    return [path for path in ours if person.is_told_in(_read(path))]


def _ours(tx: ReadTx, org_id: int, letters: Sequence[Path]) -> list[Path]:
    return [path for path in letters if delivery_store.find(tx, org_id, path.stem)]


def _read(path: Path) -> str:
    """A letter as it is read, whatever it is encoded in."""
    try:
        letter = message_from_bytes(path.read_bytes(), policy=policy.default)
        parts = [str(part.get_content()) for part in letter.walk() if part.get_content_maintype() == "text"]
        return "\n".join([*(str(value) for value in letter.values()), *parts])
    except FileNotFoundError:
        # Its time was over just now.
        return ""
    except (OSError, LookupError, ValueError) as error:
        raise CannotErase(f"{path} cannot be read ({error}): delete it if it names the person, or move it") from error


def _forget_exports(database: Database, org_id: int, exports: Path) -> int:
    """The files first: as long as a row names them, whoever was interrupted finds them again."""
    made = database.read(org_id, job_store.finished, org_id, EXPORT)
    for job in made:
        (exports / str(job.filename)).unlink(missing_ok=True)
    database.write(org_id, _without, org_id, [job.job_id for job in made])
    return len(made)


def _without(tx: Tx, org_id: int, job_ids: Sequence[str]) -> None:
    for job_id in job_ids:
        job_store.remove(tx, org_id, job_id)
