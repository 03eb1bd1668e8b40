"""Calling policies: twelve fixed combinations, not to be edited."""

from __future__ import annotations

from enum import StrEnum


class Policy(StrEnum):
    """The first part is about dial-out from meetings (CPC), the second about a user's own calls (PSTN)."""

    CPC_AND_PSTN_INTERNATIONAL = "DialoutCPCandPSTNInternational"
    CPC_DOMESTIC_PSTN_INTERNATIONAL = "DialoutCPCDomesticPSTNInternational"
    CPC_DISABLED_PSTN_INTERNATIONAL = "DialoutCPCDisabledPSTNInternational"
    CPC_INTERNATIONAL_PSTN_DOMESTIC = "DialoutCPCInternationalPSTNDomestic"
    CPC_INTERNATIONAL_PSTN_DISABLED = "DialoutCPCInternationalPSTNDisabled"
    CPC_AND_PSTN_DOMESTIC = "DialoutCPCandPSTNDomestic"
    CPC_DOMESTIC_PSTN_DISABLED = "DialoutCPCDomesticPSTNDisabled"
    CPC_DISABLED_PSTN_DOMESTIC = "DialoutCPCDisabledPSTNDomestic"
    CPC_AND_PSTN_DISABLED = "DialoutCPCandPSTNDisabled"
    CPC_ZONE_A_PSTN_INTERNATIONAL = "DialoutCPCZoneAPSTNInternational"
    CPC_ZONE_A_PSTN_DOMESTIC = "DialoutCPCZoneAPSTNDomestic"
    CPC_ZONE_A_PSTN_DISABLED = "DialoutCPCZoneAPSTNDisabled"


DEFAULT_POLICY = Policy.CPC_AND_PSTN_INTERNATIONAL
