"""The licences that there are, ours and an operator's own, and what follows from those that somebody holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from talktime.core.licence_rows import read_licence_csv
from talktime.core.licence_terms import CALLS, MEETINGS, Ability, Licence
from talktime.core.tables import lines_of


class Rights(NamedTuple):
    """What somebody's licences allow."""

    meetings: Licence | None = None
    """The one that decides about meetings; None: there is none."""
    calls: Licence | None = None
    machines: Licence | None = None
    """A machine calls with Pay-As-You-Go, whatever ordinary plan it holds besides."""
    credits: bool = False


NOTHING = Rights()
RIGHTS_KEPT = 4096


class Catalogue:
    def __init__(self, licences: Iterable[Licence]) -> None:
        self._licences = {licence.code: licence for licence in licences}
        self._rights: dict[tuple[str, ...], Rights] = {}

    def __iter__(self) -> Iterator[Licence]:
        return iter(self._licences.values())

    def __contains__(self, code: str) -> bool:
        return code in self._licences

    def get(self, code: str) -> Licence | None:
        return self._licences.get(code)

    def with_licences(self, licences: Iterable[Licence]) -> Catalogue:
        """An operator's own, on top: one with a code of ours takes its place."""
        return Catalogue([*self, *licences])

    def meant_by(self, code: str) -> tuple[Licence, ...]:
        """Itself, or what it is sold for, and what it includes. A code nobody knows means nothing."""
        licence = self._licences.get(code)
        if licence is None:
            return ()
        names = (licence.counts_as or code, *licence.includes)
        # One step only: what an included licence includes in its turn would have to be written out.
        return tuple(self._licences[name] for name in names if name in self._licences)

    def held(self, codes: Iterable[str]) -> tuple[Licence, ...]:
        """Each once, however often and under whatever name."""
        found = {licence.code: licence for code in codes for licence in self.meant_by(code)}
        return tuple(found.values())

    def abilities(self, codes: Iterable[str]) -> frozenset[Ability]:
        return frozenset(licence.ability for licence in self.held(codes) if licence.ability)

    def rights(self, codes: tuple[str, ...]) -> Rights:
        """Kept, since few combinations are held by many."""
        found = self._rights.get(codes)
        if found is None:
            if len(self._rights) >= RIGHTS_KEPT:
                self._rights.clear()
            found = self._rights[codes] = Rights(
                self.deciding(codes, MEETINGS),
                self.deciding(codes, CALLS),
                self.deciding(codes, {Ability.CALLING_PER_MINUTE}),
                Ability.CREDITS in self.abilities(codes),
            )
        return found

    def deciding(self, codes: Iterable[str], abilities: Collection[Ability]) -> Licence | None:
        """One licence decides, and only its pool is used, whatever else is held (charging rules, check 5)."""
        held = [licence for licence in self.held(codes) if licence.ability in abilities and licence.order is not None]
        return min(held, key=lambda licence: licence.order or 0, default=None)


CATALOGUE = Catalogue(read_licence_csv(lines_of("licence_catalogue.csv")))
