"""The engine without HTTP: `python -m bench.alone ORGANIZATIONS SIZE WARM_UP_SECONDS SECONDS`.

The environment says which database. As many threads as the store has lanes, each with groups of its own: these are
authorized, then settled.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import threading
import time

from bench.world import BY, TALKED_SECONDS, number_of
from talktime import settings
from talktime.app import App, open_app
from talktime.core.call_types import CallType
from talktime.core.calls import Answer, Asked, Authorize, Ended, Granted, Settle


class Lane(threading.Thread):
    def __init__(self, app: App, organizations: int, size: int, seconds: float) -> None:
        super().__init__()
        self._app = app
        self._organizations = organizations
        self._size = size
        self._end = time.perf_counter() + seconds
        self.groups: list[float] = []
        """How long each took."""

    def run(self) -> None:
        while time.perf_counter() < self._end:
            began = time.perf_counter()
            self._group()
            self.groups.append(time.perf_counter() - began)

    def _group(self) -> None:
        now, run = self._app.now(), self._app.engine.run
        keys = [(random.randint(1, self._organizations), f"{random.getrandbits(96):024x}") for _ in range(self._size)]
        opened = [Authorize(org_id, call_id, now, BY, asked(org_id), "operator:sbc-1") for org_id, call_id in keys]
        expect(run(opened), Granted)
        expect(run([Settle(*key, now, BY, TALKED_SECONDS) for key in keys]), Ended)


def asked(org_id: int) -> Asked:
    to = f"+4420{random.randrange(10**7, 10**8)}"
    return Asked(CallType.USER_OUT, to, number_of(org_id), "+12025550101", switch="sbc-1")


def expect(answers: list[Answer], kind: type) -> None:
    wrong = [answer for answer in answers if not isinstance(answer, kind)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} unexpected answers, such as {wrong[0]}")


def run(app: App, organizations: int, size: int, seconds: float) -> list[float]:
    lanes = [Lane(app, organizations, size, seconds) for _ in range(app.store.lanes)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    return [group for lane in lanes for group in lane.groups]


def main(organizations: int, size: int, warm_up_seconds: float, seconds: float) -> None:
    app = open_app(settings.load({}))
    warm = run(app, organizations, size, warm_up_seconds)
    cpu, began = time.process_time(), time.perf_counter()
    groups = run(app, organizations, size, seconds)
    passed, used = time.perf_counter() - began, time.process_time() - cpu
    app.close()
    p50, p99 = statistics.median(groups), sorted(groups)[int(len(groups) * 0.99)]
    print(json.dumps([len(groups) * size, passed, used, p50 * 1e3, p99 * 1e3, len(warm) * size]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
