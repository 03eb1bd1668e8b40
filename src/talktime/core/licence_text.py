"""A licence as it is written: the cells that `licence_of` reads, so that what is shown can be sent back."""

from __future__ import annotations

from talktime.core.licence_terms import Licence, Minutes, PoolKind


def cells_of(licence: Licence) -> dict[str, str]:
    """All but where it is from."""
    minutes = {kind.value: _minutes(licence.minutes.get(kind, {})) for kind in PoolKind}
    return {
        "code": licence.code,
        "name": licence.name,
        "ability": licence.ability or "",
        "order": "" if licence.order is None else str(licence.order),
        "counts_as": licence.counts_as or "",
        "includes": " ".join(licence.includes),
        **minutes,
        "counted": licence.counted or "",
        "shared": licence.shared or "",
        "destinations": " ".join(sorted(licence.destinations)),
        "caps": licence.caps or "",
    }


def _minutes(minutes: Minutes) -> str:
    return " ".join(f"{country}:{count}" for country, count in minutes.items())
