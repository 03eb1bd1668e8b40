"""What an operator may limit for an organization. What was never set is missing; null is another thing: no limit."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

Whole = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Seconds = Annotated[int, Meta(ge=1, le=604_800)]
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?\Z", description="A decimal string.")]


class FraudLimits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Counted per user. Money over rolling 1 h and 24 h; a destination is a country."""

    international: bool | UnsetType | None = UNSET
    premium: bool | UnsetType | None = UNSET
    high_risk: bool | UnsetType | None = UNSET
    concurrent_calls: Whole | UnsetType | None = UNSET
    call_seconds: Seconds | UnsetType | None = UNSET
    spend_per_hour: Amount | UnsetType | None = UNSET
    spend_per_day: Amount | UnsetType | None = UNSET
    new_destinations_per_day: Whole | UnsetType | None = UNSET


class Limits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    slice_seconds: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    max_call_seconds: Seconds | UnsetType = UNSET
    grace_seconds: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    recharges_per_24h: Annotated[int, Meta(ge=0, le=1_000)] | UnsetType | None = UNSET
    top_up_min: Amount | UnsetType | None = UNSET
    top_up_max: Amount | UnsetType | None = UNSET
    invoice_limit: Amount | UnsetType | None = UNSET
    """So much is credited for invoices whose money has not come yet."""
    fraud: FraudLimits | UnsetType = UNSET


def merged(old: Limits, new: Limits) -> Limits:
    """What is given replaces what was; what is left out stays."""
    given = _given(new)
    if isinstance(old.fraud, FraudLimits) and isinstance(new.fraud, FraudLimits):
        given["fraud"] = replace(old.fraud, **_given(new.fraud))
    return replace(old, **given)


def _given(limits: Struct) -> dict[str, object]:
    values = {name: getattr(limits, name) for name in limits.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}
