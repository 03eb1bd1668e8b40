"""The objects of the fake Stripe, and the events that tell of them."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from itertools import count
from typing import Any

Params = dict[str, str]
"""As a form says them: `metadata[order]`, `expand[0]`."""
Object = dict[str, Any]


class Refusal(Exception):
    def __init__(self, status: int, **error: Any) -> None:
        super().__init__(status, error)
        self.status = status
        self.error = {"type": "card_error" if status == 402 else "invalid_request_error"} | error


class FakeObjects:
    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.told: list[Object] = []
        """Events, oldest first."""
        self._count = count(1)

    def found(self, name: str) -> Object:
        if name not in self.objects:
            raise Refusal(404, code="resource_missing", message=f"No such object: '{name}'")
        return self.objects[name]

    def of_kind(self, kind: str) -> list[Object]:
        """Newest first, as Stripe lists."""
        return [one for one in reversed(self.objects.values()) if one["object"] == kind]

    def expanded(self, shown: Object, paths: Iterable[str]) -> Object:
        shown = copy.deepcopy(shown)
        for path in paths:
            self._expand(shown, path.split("."))
        return shown

    def _expand(self, shown: Any, path: list[str]) -> None:
        for one in shown if isinstance(shown, list) else [shown]:
            if isinstance(one.get(path[0]), str):
                one[path[0]] = copy.deepcopy(self.found(one[path[0]]))
            if path[1:] and one.get(path[0]) is not None:
                self._expand(one[path[0]], path[1:])

    def _made(self, prefix: str, kind: str, **values: Any) -> Object:
        name = f"{prefix}_{next(self._count):014d}"
        made = {"id": name, "object": kind, "created": int(time.time()), "livemode": False} | values
        self.objects[name] = made
        return made

    def _kept(self, one: Object, **values: Any) -> Object:
        one.update(values)
        return one

    def _tell(self, kind: str, about: Object) -> None:
        event = self._made("evt", "event", type=kind, data={"object": copy.deepcopy(about)})
        self.told.append(event)


def inside(params: Params, name: str) -> dict[str, str]:
    start = f"{name}["
    return {key.removeprefix(start).removesuffix("]"): value for key, value in params.items() if key.startswith(start)}
