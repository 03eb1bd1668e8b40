"""The classes of our made-up prices, and which country is in which. Amounts are ten-thousandths of a dollar."""

from __future__ import annotations

from typing import NamedTuple

from talktime.core.tables import rows_of


class Class(NamedTuple):
    landline: int
    mobile: int
    dial_in: int
    """A minute of somebody who calls our toll-free number there."""
    conference: int
    """How much more it is from a meeting."""
    fee: int = 0
    initial: int = 60
    step: int = 60
    """Of mobile numbers."""


class Network(NamedTuple):
    name: str
    per_minute: int
    fee: int = 0
    dial_in: int = 0


CLASSES = {
    "home": Class(landline=110, mobile=160, dial_in=240, conference=20),
    "near": Class(landline=170, mobile=420, dial_in=380, conference=30, initial=30, step=6),
    "middle": Class(landline=320, mobile=880, dial_in=650, conference=50),
    "far": Class(landline=750, mobile=1_450, dial_in=1_200, conference=80),
    "remote": Class(landline=1_900, mobile=2_600, dial_in=2_400, conference=150),
    "island": Class(landline=5_200, mobile=6_100, dial_in=6_000, conference=400, fee=500),
}

_WRITTEN = {
    "home": "US CA PR",
    "near": "AU AT BE CH CN DE DK ES FI FR GB GR HK HU IE IN IT JP KR LU MX MY NL NO NZ PL PT SE SG SK CZ TH TW IL AD",
    "middle": "BG HR RO SI EE LV LT CY MT IS AR BR CL CO PE ZA TR RU VN ID PH PA CR GU VI BM BS DO KZ",
    "remote": "AF CU FJ IQ IR KP LA MM NP PS SY TJ TM YE GY SR PF NC",
    "island": "CK FK IO KI NF NR NU PG PW PM PN SB SH TK TL TO TV VU WF WS MH FM AS SO ST KM MG MV SC GL",
}
CLASS_OF = {country: name for name, countries in _WRITTEN.items() for country in countries.split()}

# Countries that are not named above, by the first digit of their calling code.
CLASS_OF_WORLD_ZONE = {
    "1": "far",
    "2": "remote",
    "3": "middle",
    "4": "middle",
    "5": "far",
    "6": "far",
    "7": "middle",
    "8": "far",
    "9": "far",
}

# 888 and 979 are left out: nobody has the first, and the second is premium, which no rule lets anybody call.
INTERNATIONAL = {
    "800": Network("International toll-free (+800)", 200, dial_in=900),
    "808": Network("International shared cost (+808)", 1_500),
    "870": Network("Inmarsat (+870)", 49_000, fee=2_500),
    "878": Network("Universal personal numbers (+878)", 12_000),
    "881": Network("Satellite networks (+881)", 52_000, fee=2_500),
    "882": Network("International networks (+882)", 28_000, fee=1_000),
    "883": Network("International networks (+883)", 26_000, fee=1_000),
}

# What the lists of zones and of the combined plan do not name.
_MORE_NAMES = {
    "BI": "Burundi",
    "CK": "Cook Islands",
    "CU": "Cuba",
    "FK": "Falkland Islands",
    "GA": "Gabon",
    "GM": "Gambia",
    "GW": "Guinea-Bissau",
    "IO": "British Indian Ocean Territory",
    "KI": "Kiribati",
    "KP": "North Korea",
    "LR": "Liberia",
    "MG": "Madagascar",
    "MR": "Mauritania",
    "MV": "Maldives",
    "NF": "Norfolk Island",
    "NR": "Nauru",
    "NU": "Niue",
    "PG": "Papua New Guinea",
    "SB": "Solomon Islands",
    "SC": "Seychelles",
    "SH": "Saint Helena",
    "SL": "Sierra Leone",
    "SO": "Somalia",
    "SS": "South Sudan",
    "ST": "São Tomé & Príncipe",
    "TD": "Chad",
    "TK": "Tokelau",
    "TL": "Timor-Leste",
    "TN": "Tunisia",
    "TO": "Tonga",
    "TV": "Tuvalu",
    "VU": "Vanuatu",
    "WS": "Samoa",
    "XK": "Kosovo",
}
_LISTED = [*rows_of("combined_plan.csv"), *rows_of("zones.csv")]
NAMES = {row["country"]: row["name"] for row in _LISTED} | _MORE_NAMES
