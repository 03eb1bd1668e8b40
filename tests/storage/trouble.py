"""Troubles that would trouble the tests themselves, in a process of its own; what came of it is said as JSON.

python -m tests.storage.trouble full|read-only <folder of the database>
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from talktime.core.calls import Granted
from tests.storage.fault_work import work
from tests.storage.shop import Shop, sqlite_shop

NOBODY = 65534
PLACES = 12


def full(path: Path) -> list[Any]:
    """The log of the database cannot grow beyond a size that the batch needs, each time a little later."""
    shop = sqlite_shop(path)
    log = Path(f"{path}-wal")
    told = []
    for place in range(PLACES):
        size = log.stat().st_size if log.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4_000 * place + 100, resource.RLIM_INFINITY))
        told.append(_asked(shop))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if told[-1]["granted"]:
            # There was room for all of it.
            told.pop()
            break
    os._exit(_say(told))


def _asked(shop: Shop) -> dict[str, Any]:
    try:
        answers = shop.engine.run(work(shop))
    except Exception as error:
        return {"granted": False, "error": type(error).__name__}
    return {"granted": any(isinstance(one, Granted) for one in answers), "error": ""}


def read_only(path: Path) -> dict[str, Any]:
    for file in (path, path.parent):
        if file.exists():
            file.chmod(0o555)
    if os.getuid() == 0:
        # Nothing is forbidden to root.
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        shop = sqlite_shop(path)
    except Exception as error:
        return {"error": type(error).__name__, "words": str(error)}
    return _asked(shop)


def _say(told: Any) -> int:
    print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    what, folder = sys.argv[1:]
    _say({"full": full, "read-only": read_only}[what](Path(folder) / "talktime.db"))
