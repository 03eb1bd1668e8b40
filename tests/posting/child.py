"""Books a file in a process of its own, which may be killed:

child.py PORTION NOW FILE --data DIR | --database URL
"""

from __future__ import annotations

import sys
from unittest.mock import patch

from talktime.app import App, open_app
from talktime.cli.main import main
from talktime.rating import post_files
from talktime.settings import Settings


def run(portion: int, now: int, file: str, where: list[str]) -> None:
    post_files.PORTION, post_files.PIECE = portion, 4 * portion
    sys.argv = ["talktime", "rate-records", file, f"{file}.out.csv", "--post", "--org", "org_2", "--json", *where]

    def open_then(settings: Settings) -> App:
        app = open_app(settings, lambda: now)
        print("", flush=True)
        return app

    with patch("talktime.cli.posting.open_app", open_then):
        main()


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
