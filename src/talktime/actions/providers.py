"""Are those who take the money reached?"""

from __future__ import annotations

from msgspec import Struct

from talktime.actions.till import Till
from talktime.core.gateway import ProviderError


class Checked(Struct, frozen=True):
    name: str
    reached: bool
    told: str


def check(till: Till) -> list[Checked]:
    return [_check(till, name) for name in sorted(till.providers)]


def _check(till: Till, name: str) -> Checked:
    try:
        return Checked(name, True, till.providers[name].check())
    except ProviderError as error:
        return Checked(name, False, str(error))
