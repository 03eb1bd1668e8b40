"""Loaded by schemathesis: what it asks for is often something that is there.

Without this every id would be unknown, and nothing behind the first look-up would ever be reached. A value is only
replaced where schemathesis meant to send a good one.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.core.parameters import ParameterLocation

SHARE_OF_GOOD_VALUES = 0.7
dice = random.Random(1)
KNOWN: dict[str, list[Any]] = json.loads(Path(os.environ["TALKTIME_FUZZ_NAMES"]).read_text())
"""By the name of the field: values of which some are there and some are not."""


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    # Headers are left as they are: who touches them also brings back the key that was left out on purpose.
    if _is_good(case, ParameterLocation.PATH):
        case.path_parameters = _better(case.path_parameters)
    if _is_good(case, ParameterLocation.QUERY):
        query = _better(case.query)
        if "cursor" in query and dice.random() < SHARE_OF_GOOD_VALUES:
            del query["cursor"]
        case.query = query
    if _is_good(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        body = _better(case.body)
        if case.path.endswith(("/settle", "/record")) and dice.random() < SHARE_OF_GOOD_VALUES:
            body |= {"duration_seconds": dice.choice((0, 61, 3600)), "duration_ms": None}
        case.body = body


def _is_good(case: Case[Any], location: ParameterLocation) -> bool:
    component = case.meta.components.get(location) if case.meta else None
    return component is not None and component.mode.is_positive


def _better(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {inner: _better(one, inner) for inner, one in value.items()}
    if isinstance(value, list) and value and name not in KNOWN:
        return [_better(one) for one in value]
    if name == "call_id" and dice.random() < 0.4:
        return f"new-{dice.randrange(100_000)}"
    return dice.choice(KNOWN[name]) if name in KNOWN and dice.random() < SHARE_OF_GOOD_VALUES else value
