"""One person in all that is written down: who is meant by which words, and what stands there afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from talktime.core.calls import Call

ERASED = "erased"
"""What stands where somebody stood."""
FORGOTTEN = "forgotten"
"""And in the story of a call of which nobody knows the ends."""
WRITTEN = frozenset({"reason", "note", "detail", "po_number"})
"""In a document, people write about people under these."""
NAMED = frozenset({"name", "user_name", "sign_in_name", "user"})
"""And under these they are named, where it is about them."""
ENDS = ("to", "from_", "user", "conference_id", "sip_call_id", "source")
"""What is told of a call's ends when it is asked for."""
SEEN = frozenset({"address", "agent"})
"""From where somebody came."""


class Person:
    """`ids` say nothing to a stranger and stay; `words` are what the person is called by, now or earlier."""

    def __init__(self, ids: Iterable[str], words: Iterable[str]) -> None:
        self.ids = frozenset(ids)
        self.words = frozenset(filter(None, words)) - self.ids - {ERASED}

    @cached_property
    def telling(self) -> frozenset[str]:
        """Addresses and numbers: nobody else's, wherever they stand."""
        return frozenset(word for word in self.words if "@" in word or word.startswith("+"))

    @cached_property
    def _telling(self) -> re.Pattern[str]:
        return _any_of(self.telling)

    @cached_property
    def _all(self) -> re.Pattern[str]:
        return _any_of(self.words)

    def is_told_in(self, text: str) -> bool:
        """By an id, an address or a number: a name alone may be another's."""
        return any(one in text for one in self.ids) or self._telling.search(text) is not None

    def out_of(self, text: str, *, names: bool = True) -> str:
        """Without this person's words; `names` False: only what is nobody else's."""
        return (self._all if names else self._telling).sub(ERASED, text)

    def out_of_document(self, text: str, *, own: bool) -> str:
        """JSON stays JSON; what is not, is a text. `own`: it stands in a row about this person."""
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return self.out_of(text)
        cleaned = self._without(found, own, own or self.is_told_in(text))
        return text if cleaned == found else msgspec.json.encode(cleaned).decode()

    def _without(self, value: Any, own: bool, named: bool, key: str = "") -> Any:
        match value:
            case str():
                return self.out_of(value, names=key in WRITTEN or (named and key in NAMED))
            case list():
                # Nothing is left of an address among others; elsewhere something has to stand there.
                kept = [one for one in value if not (isinstance(one, str) and self._telling.fullmatch(one))]
                return [self._without(one, own, named, key) for one in kept]
            case dict() if self.ids & value.keys():
                # Many people, each under an id.
                parts = ((name, one, name in self.ids) for name, one in value.items())
                return {name: self._without(one, is_theirs, is_theirs, name) for name, one, is_theirs in parts}
            case dict():
                own = own or any(isinstance(one, str) and one in self.ids for one in value.values())
                left = {name: ERASED if own and one and name in SEEN else one for name, one in value.items()}
                return {name: self._without(one, own, named or own, name) for name, one in left.items()}
        return value

    def out_of_call(self, call: Call) -> Call:
        """Of a call of one's own both ends; of another's the end that one was."""
        if self.has_made(call):
            return without_ends(call)
        asked, terms = call.asked, call.terms
        if asked:
            asked = replace(asked, **{name: self._end(getattr(asked, name)) for name in ENDS})
        if terms:
            terms = replace(terms, caller=self.out_of(terms.caller, names=False))
        return replace(call, asked=asked, terms=terms)

    def has_made(self, call: Call) -> bool:
        """Or tried to."""
        names = {call.terms.user_id if call.terms else None, call.asked.user if call.asked else None}
        return bool(names & (self.ids | self.words))

    def _end(self, text: str | None) -> str | None:
        if text is None:
            return None
        return ERASED if text in self.words else self.out_of(text, names=False)


def without_ends(call: Call) -> Call:
    """Nobody knows any more who spoke with whom; what it cost, where it went and whose it was stays."""
    asked, terms = call.asked, call.terms
    if asked is None:
        # Only its end was heard.
        return replace(call, cause=FORGOTTEN)
    user = terms.user_id if asked.user and terms else None
    ends = {"to": ERASED, "from_": asked.from_ and ERASED, "user": user}
    asked = replace(asked, **ends, conference_id=None, source=None, sip_call_id=FORGOTTEN)
    return replace(call, asked=asked, terms=replace(terms, caller=ERASED) if terms else None)


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """As whole words, in any case, the longest first."""
    spelled = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w@.+-])(?:{spelled})(?![\w@]|[.+-]\w)" if spelled else r"(?!)", re.IGNORECASE)
