"""Organizations with lives by chance move to the other database and back: `python -m tests.moving --moves 60`.

The API must give the same answers at each place. The control comes last: a move that leaves the cards behind, which
must be noticed. `--broken` makes all moves so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch

from talktime.storage import move_store
from tests.moving.house import STEPS, House, bring, installation, said
from tests.support.postgres import Cluster, new_cluster
from tests.web.client import World

LIST = {"prefix": "1", "per_minute": "0.12"}
LEFT_BEHIND = "payment_methods"
"""Of these no books are kept: only who asks the API misses them."""


class Moved(NamedTuple):
    rows: int
    differences: list[str]
    """Which answers of the API were others afterwards."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.moving", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--moves", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", action="store_true", help="leave something behind; it must be noticed")
    asked = parser.parse_args()
    with new_cluster(fsync=False) as cluster:
        done = broken(cluster, asked.moves, asked.seed) if asked.broken else moves(cluster, asked.moves, asked.seed)
        noticed = broken(cluster, 1, asked.seed).differences
    print(*done.differences, sep="\n", end="\n" if done.differences else "")
    print(
        f"{asked.moves} organizations there and back, {done.rows:,} rows, {len(done.differences)} different answers; ",
        end="",
    )
    print(f"{len(noticed)} are told of one whose cards are left behind")
    sys.exit(bool(done.differences) or not noticed)


def moves(cluster: Cluster, number: int, seed: int) -> Moved:
    rows, differences = 0, []
    for one in range(number):
        moved = there_and_back(cluster, Random(f"{seed}:{one}"))
        rows += moved.rows
        differences += [f"{one}: {path}" for path in moved.differences]
    return Moved(rows, differences)


def broken(cluster: Cluster, number: int, seed: int) -> Moved:
    """A table is forgotten."""
    known = {name: table for name, table in move_store.TABLES.items() if name != LEFT_BEHIND}
    with patch.object(move_store, "TABLES", known):
        return moves(cluster, number, seed)


def there_and_back(cluster: Cluster, random: Random) -> Moved:
    places: list[str | None] = [None, cluster.fresh_database()]
    random.shuffle(places)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "org.move"
        with place(Path(folder) / "0", places[0]) as world:
            house = House(world)
            house.live(["pay", *random.choices([*STEPS], k=random.randrange(1, 25))])
            house.close()
            house.export(file)
            before, at = said(world, house.org.id), world.clock.at
        moved, wrong = 0, []
        for number, url in enumerate([places[1], fresh(cluster, places[0])], 1):
            with place(Path(folder) / str(number), url) as world:
                world.clock.at = at
                world.price_list(LIST, default=True)
                moved += bring(world, file).manifest.rows
                house.world = world
                house.export(file)
                after = said(world, house.org.id)
                wrong += [path for path in before if before[path] != after[path]]
    return Moved(moved, wrong)


def fresh(cluster: Cluster, url: str | None) -> str | None:
    return cluster.fresh_database() if url else None


@contextmanager
def place(folder: Path, url: str | None) -> Iterator[World]:
    folder.mkdir()
    with installation(folder, url) as world:
        yield world


if __name__ == "__main__":
    main()
