"""Lives whose mail goes through a post office that fails: every notice reaches its people, under one name, and nothing
is told that did not happen. The same number makes the same life.

    python -m tests.gateway.mails --lives 500
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec
from msgspec.structs import replace
from sqlalchemy import select

from talktime.actions import deliveries, notices
from talktime.actions.deliveries import deliver_due
from talktime.notifications.hooks import Hooks
from talktime.notifications.mail import Letter
from talktime.notifications.outcomes import Fate, Outcome
from talktime.notifications.post import Post
from talktime.storage import alert_store, delivery_store, notice_store
from talktime.storage import tables as t
from talktime.storage.alert_store import Alerts
from talktime.storage.database import ReadTx
from tests.gateway.bank import HOUR
from tests.gateway.house import PUBLIC_URL
from tests.gateway.lives import LIVES_IN_A_HOUSE, Life
from tests.gateway.runs import Figures, Harness, on_sqlite, quiet
from tests.gateway.stage import Wrong

BOX = "billing@example.com"
FAILS, LOSES = 0.25, 0.1
"""How often the post office takes nothing, and how often it takes a letter and does not say so."""
HOURS = 26
SEEDS_MAX = 50


@dataclass(slots=True)
class PostOffice:
    """Somebody else's server, with a memory of its own."""

    chance: Random
    calm: bool = False
    arrived: dict[str, list[Letter]] = field(default_factory=dict)
    """By the name that the letter has."""

    def send(self, letter: Letter) -> Outcome:
        dice = 1.0 if self.calm else self.chance.random()
        if dice < FAILS:
            return Outcome(Fate.AGAIN, error="The post office is closed.")
        self.arrived.setdefault(letter.letter_id, []).append(letter)
        return Outcome(Fate.AGAIN if dice < FAILS + LOSES else Fate.SENT)

    def where(self, letter_id: str) -> str:
        return "the post office"


class MailedLife(Life):
    """A life that tells of itself after each deed, and dies over it sometimes."""

    def __init__(self, harness: Harness, seed: int) -> None:
        super().__init__(harness, seed)
        self.office = PostOffice(Random(seed))
        self.post = Post(self.office, Hooks(), PUBLIC_URL)
        alerts = Alerts(recipients=(BOX,), balance_low=(100_000_000,))
        self._house.app.database.write(self.stage.org_id, alert_store.save, self.stage.org_id, alerts)

    def _note(self) -> None:
        super()._note()
        self._house.fuse.set(self.chance.choice([0, self.chance.randint(1, 12)]))
        self.tell()

    def tell(self) -> None:
        self.stage.insist(lambda: notices.tell_everything(self._house.database, self.stage.org_id, self._house.clock()))
        self.stage.insist(self._deliver)

    def _deliver(self) -> None:
        house = self._house
        with patch.object(deliveries, "ThreadPoolExecutor", OneAfterTheOther):
            deliver_due(house.database, house.app.vault, self.post, house.clock, ("email",))

    def run(self) -> list[str]:
        found = super().run()
        self.office.calm = True
        self._house.fuse.set(0)
        try:
            for _ in range(HOURS):
                self.tell()
                self._house.clock.at += HOUR
        except (Wrong, Exception) as error:
            return [*found, f"mail: {error!r}"]
        return [*found, *self._misled()]

    def _misled(self) -> list[str]:
        """What people were told, beside what has happened."""
        happened, names = self._house.app.database.read(self.stage.org_id, told_of, self.stage.org_id)
        found = [
            f"I20: {event} was told to nobody" for event, name in happened.items() if name not in self.office.arrived
        ]
        strangers = self.office.arrived.keys() - set(happened.values())
        found += [f"I20: a letter {name} about nothing that happened" for name in strangers]
        found += [f"{name} stands {names.count(name)} times" for name in set(names) if names.count(name) > 1]
        return found


class OneAfterTheOther:
    """In place of threads, so that the same number makes the same life."""

    def __init__(self, *_: object) -> None:
        self.map: Callable[..., Any] = map

    def __enter__(self) -> OneAfterTheOther:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def told_of(tx: ReadTx, org_id: int) -> tuple[dict[str, str], list[str]]:
    """By what is to be told once: the name of its letter, empty while it has none. And the names of all letters."""
    n, d = t.notices.c, t.deliveries.c
    mails = tx.execute(select(d.notice_id, d.delivery_id).where(d.org_id == org_id, d.channel == "email")).all()
    names = dict(mails)
    rows = tx.execute(select(n.once, n.notice_id).where(n.org_id == org_id)).all()
    return {once: names.get(notice_id, "") for once, notice_id in rows}, [name for _, name in mails]


def run(lives: int, seed: int) -> tuple[Figures, int]:
    """And how many letters arrived."""
    figures, letters = Figures(), 0
    while figures.scenarios < lives:
        with on_sqlite() as settings, Harness.opened(settings, figures) as harness:
            for _ in range(min(LIVES_IN_A_HOUSE, lives - figures.scenarios)):
                life = MailedLife(harness, seed + figures.scenarios)
                figures.findings += [f"life {seed + figures.scenarios}: {words}" for words in life.run()]
                figures.scenarios += 1
                letters += sum(map(len, life.office.arrived.values()))
                harness.put_to_sleep(life.stage)
            figures.crashes += harness.house.crashes
            harness.verify()
    return figures, letters


# ---------------------------------------------------------------- bugs that must show

Planted = Callable[[], AbstractContextManager[object]]
_note, _claim, _add, _mail, _tell = (
    *(deliveries.note, delivery_store.claim, delivery_store.add),
    *(deliveries._Sender._mail, notices.tell),
)


def _believes(tx: Any, row: Any, outcome: Outcome, now: int) -> None:
    _note(tx, row, replace(outcome, fate=Fate.SENT), now)


def _gives_up(tx: Any, row: Any, outcome: Outcome, now: int) -> None:
    fate = Fate.REFUSED if outcome.fate is Fate.AGAIN else outcome.fate
    _note(tx, row, replace(outcome, fate=fate), now)


def _for_ever(tx: Any, row: Any, until: int) -> bool:
    return _claim(tx, row, until + 10**15)


def _only_one(tx: Any, rows: Any) -> None:
    _add(tx, rows[:1])


def _other_name(self: Any, row: Any) -> Outcome:
    return _mail(self, replace(row, delivery_id=f"{row.delivery_id}-{row.tries}"))


def _marked_first(tx: Any, org_id: int, now: int) -> int:
    """Told, as far as anybody will ever ask."""
    waiting = notice_store.untold_of(tx, org_id, 100)
    for notice in waiting[: len(waiting) // 2]:
        notice_store.claim(tx, org_id, notice.notice_id, now)
    return _tell(tx, org_id, now)


def _nobody_there(tx: Any, org_id: int) -> list[str]:
    return []


def _no_body(self: Any, row: Any) -> Outcome:
    return _mail(self, replace(row, body=msgspec.json.encode({"details": {}, "left": []}).decode()))


MISTAKES: dict[str, Planted] = {
    "a letter that was not taken is not sent again": lambda: patch.object(deliveries, "note", _believes),
    "whoever fails once is given up": lambda: patch.object(deliveries, "note", _gives_up),
    "what was claimed by who has died stays claimed": lambda: patch.object(delivery_store, "claim", _for_ever),
    "of several things one is told": lambda: patch.object(delivery_store, "add", _only_one),
    "each try has a name of its own": lambda: patch.object(deliveries._Sender, "_mail", _other_name),
    "what was not told yet is marked as told": lambda: patch.object(notices, "tell", _marked_first),
    "the addresses that were chosen are not asked": lambda: patch.object(notice_store, "chosen", _nobody_there),
    "a letter is addressed to nobody": lambda: patch.object(deliveries._Sender, "_mail", _no_body),
}


def caught_at(mistake: str) -> int | None:
    """Within how many lives it is seen; None: in none."""
    with MISTAKES[mistake]():
        for seed in range(0, SEEDS_MAX, 5):
            figures, _ = run(5, seed)
            if figures.findings:
                return seed + 5
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.mails", description="Q4 with mail: lives that tell.")
    parser.add_argument("--lives", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with quiet():
        figures, letters = run(options.lives, options.seed)
        caught = [mistake for mistake in MISTAKES if caught_at(mistake) is not None]
    words = (
        f"{figures.scenarios:,} lives, {figures.crashes:,} crashes, {letters:,} letters: {len(figures.findings)} wrong"
    )
    sys.stdout.write(f"{words}; {len(caught)} of {len(MISTAKES)} planted bugs caught\n")
    sys.stdout.writelines(f"{words}\n" for words in figures.findings[:20])
    return int(bool(figures.findings) or len(caught) < len(MISTAKES))


if __name__ == "__main__":
    sys.exit(main())
