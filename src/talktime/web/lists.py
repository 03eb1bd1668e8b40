"""Lists are pages: `data`, and a cursor to the next."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from talktime.web.problems import invalid

Row = TypeVar("Row")
LIMIT = 50
LIMIT_MAX = 1000


class Page(Struct, forbid_unknown_fields=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT
    cursor: str | None = None

    def after(self, kind: Any) -> Any:
        """The key after which the page begins, of the type `kind`; None for the first page."""
        if self.cursor is None:
            return None
        try:
            raw = urlsafe_b64decode(self.cursor.encode())
            if rb"\u0000" in raw:
                raise ValueError("no key has a zero byte")
            return msgspec.json.decode(raw, type=kind)
        except (Error, ValueError, msgspec.MsgspecError) as error:
            raise invalid("cursor", "It was not given out by this list.") from error


def page_of(rows: Sequence[Row], limit: int, key: Callable[[Row], Any], body: Callable[[Row], Any]) -> dict[str, Any]:
    """`rows` are one more than the page holds, if there are more."""
    shown = rows[:limit]
    following = cursor(key(shown[-1])) if len(rows) > limit else None
    return {"data": [body(row) for row in shown], "next": following}


def cursor(key: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode()
