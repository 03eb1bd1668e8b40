"""Organizations with lives by chance move to the other database and back: `python -m tests.moving --moves 60`.

The API must give the same answers at each place; `--broken` leaves the receipts behind, and must be caught.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from talktime.storage import move_store
from tests.moving.house import STEPS, House, bring, installation, said
from tests.support.postgres import Cluster, new_cluster
from tests.web.client import World

LIST = {"prefix": "1", "per_minute": "0.12"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.moving", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--moves", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", action="store_true", help="leave something behind; it must be noticed")
    asked = parser.parse_args()
    if asked.broken:
        move_store.TABLES = {name: table for name, table in move_store.TABLES.items() if name != "receipts"}
    rows, differences = 0, []
    with new_cluster(fsync=False) as cluster:
        for number in range(asked.moves):
            moved, wrong = there_and_back(cluster, Random(f"{asked.seed}:{number}"))
            rows += moved
            differences += [f"{number}: {path}" for path in wrong]
    print(*differences, sep="\n", end="")
    print(f"{asked.moves} organizations there and back, {rows:,} rows, {len(differences)} different answers")
    sys.exit(bool(differences))


def there_and_back(cluster: Cluster, random: Random) -> tuple[int, list[str]]:
    """How many rows moved, and which answers of the API were others afterwards."""
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
    return moved, wrong


def fresh(cluster: Cluster, url: str | None) -> str | None:
    return cluster.fresh_database() if url else None


@contextmanager
def place(folder: Path, url: str | None) -> Iterator[World]:
    folder.mkdir()
    with installation(folder, url) as world:
        yield world


if __name__ == "__main__":
    main()
