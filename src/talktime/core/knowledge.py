"""What is known beyond an organization: licences and numbers, those that are shipped with an operator's own on top."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.catalogue import CATALOGUE, Catalogue
from talktime.core.numbers import NUMBERS, Numbers


class Knowledge(Struct, frozen=True):
    catalogue: Catalogue = CATALOGUE
    numbers: Numbers = NUMBERS


SHIPPED = Knowledge()
