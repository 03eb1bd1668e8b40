"""Room on the disk: a copy of the database must not be what fills it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from talktime.cli.options import CannotDo

Progress = Callable[[int, int], None]
GIB = 1 << 30
FREE_BYTES_MIN = GIB
"""A full disk stops every call but emergencies."""


def must_leave_room(folder: Path, needed: int) -> None:
    """Before anything is written that is so large."""
    free = shutil.disk_usage(folder).free
    if free - needed < FREE_BYTES_MIN:
        sizes = f"{free / GIB:.1f} GiB free in {folder}, and {needed / GIB:.1f} are needed"
        raise CannotDo(f"the disk would be full: {sizes}; {FREE_BYTES_MIN / GIB:.0f} must be left")


def leaving_room(folder: Path, progress: Progress) -> Progress:
    """It ends before the disk is full also where nobody knew how large it would become."""

    def watched(done: int, total: int) -> None:
        must_leave_room(folder, 0)
        progress(done, total)

    return watched
