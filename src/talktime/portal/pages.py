"""A page is one line of a table: where it is, who may see it, what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from talktime.core.roles import Right
from talktime.web.routes import File, Raw

if TYPE_CHECKING:
    from talktime.portal.visit import Visit

FORM_BYTES_MAX = 1 << 20


class Screen(Struct, frozen=True):
    """What the reader gets to see: a template and what it is filled with."""

    template: str
    values: Mapping[str, Any] = {}
    status: int = 200


class Away(Struct, frozen=True):
    """On to another page. `said`: a word of `said.py` that is told there."""

    path: str
    said: str = ""
    cookies: tuple[str, ...] = ()


class Outside(Struct, frozen=True):
    """On to a page of somebody else's: our own policy lets no form lead there, so a page of ours does."""

    url: str


Answer = Screen | Away | Outside | Raw | File
Handler = Callable[["Visit"], Answer]


@dataclass(frozen=True, slots=True)
class Page:
    """`right`: None for everybody who is signed in, whatever he may. `section`: what the menu shows as open."""

    method: str
    path: str
    handler: Handler
    right: Right | None = None
    public: bool = False
    """Also for those who are not signed in."""
    fresh: bool = False
    """Whoever signed in long ago says again who he is."""
    of_organization: bool = True
    """An operator chooses first into which organization he looks."""
    bytes_max: int = FORM_BYTES_MAX

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))

    @property
    def changes(self) -> bool:
        return self.method != "GET"


def get(path: str, handler: Handler, right: Right | None = None, **options: Any) -> Page:
    return Page("GET", path, handler, right, **options)


def post(path: str, handler: Handler, right: Right | None = None, **options: Any) -> Page:
    return Page("POST", path, handler, right, **options)
