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

SHARE_OF_GOOD_NAMES = 0.7
dice = random.Random(1)


KNOWN: dict[str, list[Any]] = json.loads(Path(os.environ["TALKTIME_FUZZ_NAMES"]).read_text())


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    if _is_good(case, ParameterLocation.PATH):
        for name in case.path_parameters:
            _replace(case.path_parameters, name)
    if _is_good(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        body: dict[str, Any] = dict(case.body)
        for name in body:
            _replace(body, name)
        for operation in body.get("operations", ()):
            if isinstance(operation, dict):
                for name in operation:
                    _replace(operation, name)
        case.body = body


def _is_good(case: Case[Any], location: ParameterLocation) -> bool:
    component = case.meta.components.get(location) if case.meta else None
    return component is not None and component.mode.is_positive


def _replace(values: dict[str, Any], name: str) -> None:
    if name in KNOWN and dice.random() < SHARE_OF_GOOD_NAMES:
        values[name] = dice.choice(KNOWN[name])
