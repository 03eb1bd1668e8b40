"""The licences that there are: a closed catalogue."""

from __future__ import annotations

CREDITS_LICENCE = "MCOPSTNPP"

CATALOGUE = {
    "MCOMEETADD": "Audio Conferencing",
    "MCOMEETADV": "Audio Conferencing",
    "MCOMEETADD_DIALOUT_US": "Audio Conferencing with dial-out to the US and Canada",
    "MCOMEETACPEA": "Audio Conferencing, pay per minute",
    "MCOMEETACPEA_GOV": "Audio Conferencing, pay per minute (government)",
    "MCOMEETADD_CN_GLOBAL": "Audio Conferencing (China, global)",
    "MCOMEETADD_TATA": "Audio Conferencing (Tata)",
    "MCOPSTN1": "Domestic Calling Plan",
    "MCOPSTN2": "Domestic and International Calling Plan",
    "MCOPSTN5": "Domestic Calling Plan, 120 minutes",
    "MCOPSTN6": "Domestic Calling Plan, 240 minutes",
    "MCOPSTN8": "Domestic Calling Plan, 120 minutes for each user",
    "MCOPSTN9": "International Calling Plan",
    "MCOPSTN_PAYG_1": "Pay-As-You-Go Calling Plan",
    CREDITS_LICENCE: "Communications Credits",
    "MCOEV": "Phone System",
    "MCOEV_GOV": "Phone System (government)",
    "MCOEV_VIRTUALUSER": "Phone System for resource accounts",
    "MCOEV_VIRTUALUSER_GOV": "Phone System for resource accounts (government)",
    "MCOPSTNCAP": "Common-area phone",
    "ENTERPRISEPREMIUM": "Office 365 E5, with Audio Conferencing and Phone System",
}

UNLIMITED = frozenset({CREDITS_LICENCE})
"""There in any number, and never bought."""


def is_licence(code: str) -> bool:
    return code in CATALOGUE
