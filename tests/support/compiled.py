"""What SQLAlchemy has compiled is shared by all engines of one kind.

A server compiles each of its statements once. Tests open a server each, thousands in one process, and most of their
time would be compiling the same statements again.
"""

from __future__ import annotations

from functools import cache, wraps
from typing import Any

from sqlalchemy import Engine


class Compiled(dict[Any, Any]):
    """SQLAlchemy asks with the dialect of the engine before the statement; here is one kind of dialect alone."""

    def get(self, key: Any, otherwise: Any = None) -> Any:
        return super().get(key[1:], otherwise)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


@cache
def _of(kind: str) -> Compiled:
    return Compiled()


def share() -> None:
    """From now on, in this process; a second time does nothing."""
    if hasattr(Engine.__init__, "__wrapped__"):
        return
    init = Engine.__init__

    @wraps(init)
    def sharing(self: Engine, *values: Any, **named: Any) -> None:
        init(self, *values, **named)
        self._compiled_cache = _of(f"{self.dialect.name}+{self.dialect.driver}")

    setattr(Engine, "__init__", sharing)  # noqa: B010
