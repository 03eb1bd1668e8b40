"""Pictures of the main pages of the demonstration, in all languages, light and dark, wide and on a phone.

python -m tests.portal.pictures [folder]      # make pictures
"""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser
from rich.progress import Progress

from talktime.core.languages import LANGUAGES
from tests.portal.site import Site, demonstration
from tests.support.browser import browser

FOLDER = Path("build/pictures")
PAGES = {
    "home": "/",
    "credits": "/billing/credits",
    "add-funds": "/billing/credits/add",
    "recharge": "/billing/credits/recharge",
    "payment-options": "/billing/payment-options",
    "calls": "/calls/live",
    "usage": "/reports/usage",
    "users": "/users/list",
    "rates": "/rates",
    "settings": "/settings/recipients",
    "help": "/help/auto-recharge",
}
OF_THE_OPERATOR = {"organizations": "/operator/organizations", "price-lists": "/operator/price-lists"}
SCHEMES = ("light", "dark")
WIDTHS = {"desktop": 1360, "phone": 390}


def take(site: Site, chromium: Browser, folder: Path) -> None:
    kinds = list(product(LANGUAGES, SCHEMES, WIDTHS))
    with Progress() as progress:
        task = progress.add_task("Pictures", total=len(kinds) * (len(PAGES) + len(OF_THE_OPERATOR)))
        for kind in kinds:
            for name in _take_in(site, chromium, folder, *kind):
                progress.update(task, advance=1, description=name)


def _take_in(site: Site, chromium: Browser, folder: Path, language: str, scheme: str, kind: str) -> list[str]:
    taken = []
    for email, pages in (("ann@example.com", PAGES), ("operator@example.com", OF_THE_OPERATOR)):
        with site.reader(chromium, email, WIDTHS[kind], color_scheme=scheme) as page:
            page.context.add_cookies([{"name": "talktime_language", "value": language, "url": site.url}])
            for name, path in pages.items():
                page.goto(path)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{language}-{kind}-{scheme}.png", full_page=True)
                taken.append(name)
    return taken


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, demonstration(Path(made) / "data") as site, browser() as chromium:
        take(site, chromium, folder)
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures are in {folder}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
