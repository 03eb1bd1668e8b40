"""Reads the text of a statement as far as the rules of `scale.md` need it: which tables, and what ties each of them.

An organization's table is *tied* when its `org_id` is compared with a value of the caller (`=`, `= ANY`, `IN`), or with
the `org_id` of something that is tied. A condition beside an OR counts only when each side has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from talktime.storage import tables as t

ORGANIZATION_TABLES = frozenset(table.name for table in t.of_kind("organization"))

Tokens = list[str]
_TOKEN = re.compile(
    r"""\s+|--[^\n]*|/\*.*?\*/        # nothing
    |(?P<token>'(?:[^']|'')*'         # a text
    |%\(\w+\)s|:\w+|\$\d+|\?\d*       # a parameter
    |(?i:ON\s+CONFLICT|UNION\s+ALL|DISTINCT\s+FROM)\b
    |"(?:[^"]|"")*"|[A-Za-z_]\w*      # a name
    |\d+(?:\.\d+)?
    |::|->>|->|<=|>=|<>|!=|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
_PARAMETER = re.compile(r"%\(\w+\)s|:\w+|\$\d+|\?\d*|\d+")
_PARTS = ("FROM", "WHERE", "SET", "USING", "VALUES", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET")
_CLAUSES = (*_PARTS, "FETCH", "FOR", "RETURNING", "ON CONFLICT")
_SET_OPERATORS = ("UNION", "UNION ALL", "INTERSECT", "EXCEPT")
_BEGINS_QUERY = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "MERGE")
_AFTER_TABLE = ("ON", "USING", "JOIN", "LEFT", "RIGHT", "INNER", "CROSS", "FULL", "OUTER", "NATURAL", "NOT", "INDEXED")

FORBIDDEN = {
    "MERGE": "MERGE (rule 10)",
    "LISTEN": "LISTEN (rule 8)",
    "UNLISTEN": "LISTEN (rule 8)",
    "NOTIFY": "NOTIFY (rule 8)",
    "PG_NOTIFY": "NOTIFY (rule 8)",
    "SET_CONFIG": "set_config (rule 15)",
    "NEXTVAL": "a sequence (rule 4)",
    "SETVAL": "a sequence (rule 4)",
    "PREPARE": "PREPARE as a statement (rule 15)",
    "DEALLOCATE": "session state (rule 15)",
    "DISCARD": "session state (rule 15)",
}
_ADVISORY = re.compile(r"(?i)pg_(?:try_)?advisory")


def tokens(text: str) -> Tokens:
    found = [match["token"] for match in _TOKEN.finditer(text) if match["token"]]
    return [" ".join(one.upper().split()) if _is_word(one) else one for one in found]


def _is_word(token: str) -> bool:
    return token[0].isalpha() or token[0] == "_"


def _name(token: str) -> str:
    return token[1:-1] if token[0] == '"' else token.lower()


# ---------------------------------------------------------------- what is wrong with a statement


def broken_rules(text: str, *, everywhere: bool = False) -> list[str]:
    """`everywhere`: as it must be where rows are spread: a row of the caller's arrays alone ties nothing."""
    words = tokens(text)
    found = [what for word, what in FORBIDDEN.items() if word in words]
    if any(_ADVISORY.match(word) for word in words):
        found.append("an advisory lock (rule 8)")
    if words[:1] == ["SET"] and words[1] != "LOCAL":
        found.append("SET without LOCAL (rule 15)")
    if words[:1] == ["CREATE"] and words[1] in ("TEMP", "TEMPORARY"):
        found.append("a temporary table (rule 15)")
    return found + Reading(everywhere).statement(words)


def is_read_only(text: str) -> bool:
    """SELECT ... FOR UPDATE writes nothing."""
    writing = ("INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE")
    return all(before in ("FOR", "KEY") for before, word in pairwise(["", *tokens(text)]) if word in writing)


def is_query(text: str) -> bool:
    """Or it is about tables as such: their walls, their guards."""
    return tokens(text)[:1] in [[word] for word in _BEGINS_QUERY]


def tables_of(text: str) -> set[str]:
    return {_name(word) for word in tokens(text) if _is_word(word) or word[0] == '"'} & ORGANIZATION_TABLES


# ---------------------------------------------------------------- reading it


@dataclass
class Source:
    """What stands in a FROM: a table, or something that is tied in itself or not."""

    table: str | None
    tied: bool = False
    known: bool = True
    """Whether it has an org_id worth comparing with."""


Sources = dict[str, Source]


@dataclass
class Reading:
    everywhere: bool
    problems: list[str] = field(default_factory=list)
    named: Sources = field(default_factory=dict)
    """What WITH has named."""

    def statement(self, words: Tokens) -> list[str]:
        self._query(words, {}, inside=False)
        return self.problems

    def _query(self, words: Tokens, outer: Sources, inside: bool) -> bool:
        """Whether each organization's table in it is tied; `inside`: it is part of another statement."""
        if words[:1] == ["WITH"]:
            words = self._with(words, outer)
        if words[:1] in (["INSERT"], ["REPLACE"]):
            return self._insert(words, outer, inside)
        if words[:1] == ["UPDATE"]:
            return self._update(words, outer)
        if words[:2] == ["DELETE", "FROM"]:
            return self._delete(words, outer)
        if words[:1] != ["SELECT"]:
            return self._anything(words, outer)
        tied = [self._select(part, outer) for part in _split(words, _SET_OPERATORS)]
        return all(tied)

    def _anything(self, words: Tokens, outer: Sources) -> bool:
        """BEGIN, COMMIT, a list of values: only what stands in brackets can be a query."""
        if words[:1] == ["("]:
            return self._query(_unwrapped(words), outer, inside=True)
        tied = [self._query(one, outer, inside=True) for one in _queries_in(words)]
        return all(tied)

    def _with(self, words: Tokens, outer: Sources) -> Tokens:
        at = 2 if words[1] == "RECURSIVE" else 1
        while True:
            name, at = _name(words[at]), at + 1
            if words[at] == "(":
                at = _closing(words, at) + 1
            while words[at] in ("AS", "NOT", "MATERIALIZED"):
                at += 1
            end = _closing(words, at)
            self.named[name] = Source(None)
            self.named[name] = Source(None, self._query(words[at + 1 : end], outer, inside=True))
            at = end + 1
            if words[at : at + 1] != [","]:
                return words[at:]
            at += 1

    def _select(self, words: Tokens, outer: Sources) -> bool:
        if words[:1] == ["("]:
            return self._query(_unwrapped(words), outer, inside=True)
        return self._judge(_clauses(words), {}, outer)

    def _update(self, words: Tokens, outer: Sources) -> bool:
        clauses = _clauses(words)
        sources, _ = self._sources(clauses.pop("UPDATE"), outer)
        for assigned in _split(clauses.get("SET", []), (",",)):
            if assigned[:1] == ["ORG_ID"]:
                self.problems.append("org_id is never updated (rule 1)")
        return self._judge(clauses, sources, outer)

    def _delete(self, words: Tokens, outer: Sources) -> bool:
        clauses = _clauses(words[1:])
        sources, _ = self._sources(clauses.pop("FROM"), outer)
        clauses["FROM"] = clauses.pop("USING", [])
        return self._judge(clauses, sources, outer)

    def _insert(self, words: Tokens, outer: Sources, inside: bool) -> bool:
        table, at = _name(words[words.index("INTO") + 1]), words.index("INTO") + 2
        if inside:
            self.problems.append(f"{table}: an INSERT inside another statement (rule 10)")
        if words[at : at + 1] == ["AS"]:
            at += 2
        end = _closing(words, at)
        columns, rest = words[at + 1 : end], words[end + 1 :]
        tied = table not in ORGANIZATION_TABLES or "ORG_ID" in columns
        if not tied:
            self.problems.append(f"{table}: inserted without its org_id (rule 9)")
        where_to = next((one for one in _split(rest, ("ON CONFLICT",))[1:]), [])
        if table in ORGANIZATION_TABLES and where_to[:1] == ["("] and where_to[1] != "ORG_ID":
            self.problems.append(f"{table}: ON CONFLICT begins with org_id (rule 1)")
        if "CONSTRAINT" in where_to[:2]:
            self.problems.append(f"{table}: a constraint by its name (rule 8)")
        source = _split(rest, ("ON CONFLICT", "RETURNING"))[0]
        if source[:1] == ["VALUES"]:
            return self._anything(source, outer) and tied
        return self._insert_select(table, source, outer) and tied

    def _insert_select(self, table: str, words: Tokens, outer: Sources) -> bool:
        sources, _ = self._sources(_clauses(words).get("FROM", []), outer)
        if not any(source.table in ORGANIZATION_TABLES for source in sources.values()):
            self.problems.append(f"{table}: INSERT ... SELECT from no table (rule 10)")
        return self._query(words, outer, inside=True)

    # ------------------------------------------------------------ one query

    def _judge(self, clauses: dict[str, Tokens], sources: Sources, outer: Sources) -> bool:
        more, conditions = self._sources(clauses.pop("FROM", []), outer)
        sources = {**sources, **more}
        conditions.append((None, clauses.pop("WHERE", [])))
        seen = {**outer, **sources}
        _tie(seen, sources, conditions, self)
        for words in [*clauses.values(), *(words for _, words in conditions)]:
            for query in _queries_in(words):
                self._query(query, seen, inside=True)
        untied = sorted(one.table for one in sources.values() if one.table and not one.tied)
        self.problems += [f"{table}: not tied to an organization (rule 9)" for table in untied]
        return all(source.tied for source in sources.values() if source.known)

    def _sources(self, words: Tokens, outer: Sources) -> tuple[Sources, list[tuple[str | None, Tokens]]]:
        """What stands there by its alias; and the conditions beside it, each with the only one that it may tie."""
        sources: Sources = {}
        conditions: list[tuple[str | None, Tokens]] = []
        one_sided, last, at = False, "", 0
        while at < len(words):
            word = words[at]
            if word in (",", "JOIN", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "OUTER", "NATURAL", "ONLY", "LATERAL"):
                one_sided = word in ("LEFT", "RIGHT", "FULL") or (one_sided and word in ("OUTER", "JOIN"))
                at += 1
            elif word == "ON":
                end = _end_of_condition(words, at + 1)
                conditions.append((last if one_sided else None, words[at + 1 : end]))
                at, one_sided = end, False
            else:
                last, source, at = self._source(words, at, {**outer, **sources})
                sources[last] = source
        return sources, conditions

    def _source(self, words: Tokens, at: int, seen: Sources) -> tuple[str, Source, int]:
        if words[at] == "(":
            end = _closing(words, at)
            inside = words[at + 1 : end]
            if inside[0] in _BEGINS_QUERY:
                has_tables = any(_name(word) in ORGANIZATION_TABLES for word in inside if _is_word(word))
                tied = self._query(inside, seen, inside=True)
                source = Source(None, tied if has_tables else not self.everywhere)
            else:
                source = Source(None, not self.everywhere)
            return self._alias(words, end + 1, f"({at}", source)
        name = _name(words[at])
        at += 3 if words[at + 1 : at + 2] == ["."] else 1
        if words[at : at + 1] == ["("]:
            # A function that makes rows of what the caller has given.
            return self._alias(words, _closing(words, at) + 1, name, Source(None, not self.everywhere))
        if name in self.named:
            return self._alias(words, at, name, replace(self.named[name]))
        mine = name in ORGANIZATION_TABLES
        return self._alias(words, at, name, Source(name if mine else None, False, known=mine))

    def _alias(self, words: Tokens, at: int, name: str, source: Source) -> tuple[str, Source, int]:
        if words[at : at + 1] == ["AS"]:
            at += 1
        if at < len(words) and (_is_word(words[at]) or words[at][0] == '"') and words[at] not in _AFTER_TABLE:
            name, at = _name(words[at]), at + 1
            if words[at : at + 1] == ["("]:
                at = _closing(words, at) + 1
        return name, source, at


# ---------------------------------------------------------------- what ties


def _tie(seen: Sources, mine: Sources, conditions: Sequence[tuple[str | None, Tokens]], reading: Reading) -> None:
    """Over and over, since one that is tied can tie another."""
    while True:
        before = sum(source.tied for source in mine.values())
        for only, words in conditions:
            for alias in _tied_by(words, seen, mine, reading):
                if only in (None, alias):
                    mine[alias].tied = True
        if sum(source.tied for source in mine.values()) == before:
            return


def _tied_by(words: Tokens, seen: Sources, mine: Sources, reading: Reading) -> set[str]:
    either = _split(words, ("OR",))
    if len(either) > 1:
        return set.intersection(*[_tied_by(part, seen, mine, reading) for part in either])
    both = _split(words, ("AND",))
    if len(both) > 1:
        return set().union(*[_tied_by(part, seen, mine, reading) for part in both])
    if words[:1] == ["("] and _closing(words, 0) == len(words) - 1:
        return _tied_by(words[1:-1], seen, mine, reading)
    return set(_tied_by_one(words, seen, mine, reading))


def _tied_by_one(words: Tokens, seen: Sources, mine: Sources, reading: Reading) -> Iterator[str]:
    for comparison in ("=", "IN"):
        sides = _split(words, (comparison,))
        if len(sides) == 2:
            for one, other in (sides, sides[::-1])[: 2 if comparison == "=" else 1]:
                alias = _org_id_of(one, mine)
                if alias in mine and _is_given(other, seen, reading):
                    yield alias


def _org_id_of(words: Tokens, sources: Sources) -> str | None:
    if words == ["ORG_ID"]:
        with_one = [alias for alias, source in sources.items() if source.known]
        return with_one[0] if len(with_one) == 1 else None
    if len(words) == 3 and words[1:] == [".", "ORG_ID"]:
        return _name(words[0])
    return None


def _is_given(words: Tokens, seen: Sources, reading: Reading) -> bool:
    """A value of the caller, a list of them, or the org_id of something that is tied."""
    alias = _org_id_of(words, seen)
    if alias is not None:
        return alias in seen and seen[alias].tied
    if words[:1] == ["ANY"]:
        words = words[1:]
    words = _without_casts(words)
    if words[:1] == ["("]:
        inside = words[1 : _closing(words, 0)]
        if inside[:1] == ["SELECT"]:
            # In SQLite a list comes as JSON; what is wrong in there is told when the clause is read.
            has_tables = any(_name(word) in ORGANIZATION_TABLES for word in inside if _is_word(word))
            return (
                Reading(reading.everywhere, named=reading.named)._query(inside, dict(seen), inside=True)
                if has_tables
                else True
            )
        return all(_is_value(part) for part in _split(inside, (",",)))
    return _is_value(words)


def _is_value(words: Tokens) -> bool:
    words = _without_casts(words)
    return len(words) == 1 and _PARAMETER.fullmatch(words[0]) is not None


def _without_casts(words: Tokens) -> Tokens:
    if words[:2] == ["CAST", "("] and "AS" in words:
        words = words[2 : words.index("AS")]
    return _split(words, ("::",))[0]


# ---------------------------------------------------------------- brackets and clauses


def _closing(words: Tokens, at: int) -> int:
    depth = 0
    for place in range(at, len(words)):
        depth += (words[place] == "(") - (words[place] == ")")
        if depth == 0:
            return place
    raise ValueError(f"no closing bracket: {' '.join(words)}")


def _unwrapped(words: Tokens) -> Tokens:
    return words[1 : _closing(words, 0)]


def _split(words: Tokens, at: Sequence[str]) -> list[Tokens]:
    """Outside of brackets; the AND of a BETWEEN and what is inside CASE ... END stay where they are."""
    parts: list[Tokens] = [[]]
    depth, between = 0, False
    for word in words:
        depth += (word in ("(", "CASE")) - (word in (")", "END"))
        if depth == 0 and word in at and not (word == "AND" and between):
            parts.append([])
            continue
        between = word == "BETWEEN" or (between and word != "AND")
        parts[-1].append(word)
    return parts


def _clauses(words: Tokens) -> dict[str, Tokens]:
    """The parts of one query, by the word that begins each."""
    clauses: dict[str, Tokens] = {words[0]: []}
    current, depth = words[0], 0
    for word in words[1:]:
        depth += (word == "(") - (word == ")")
        if depth == 0 and word in _CLAUSES:
            current = word
            clauses.setdefault(current, [])
        else:
            clauses[current].append(word)
    return clauses


def _end_of_condition(words: Tokens, at: int) -> int:
    depth = 0
    for place in range(at, len(words)):
        depth += (words[place] == "(") - (words[place] == ")")
        if depth == 0 and words[place] in (",", "JOIN", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "NATURAL"):
            return place
    return len(words)


def _queries_in(words: Tokens) -> Iterator[Tokens]:
    """What stands in brackets and is a query, at any depth but not inside another."""
    at = 0
    while at < len(words):
        if words[at] == "(" and words[at + 1] in _BEGINS_QUERY and words[at + 1] != "VALUES":
            end = _closing(words, at)
            yield words[at + 1 : end]
            at = end
        at += 1
