"""The table of who may do what, written out once more by hand."""

from __future__ import annotations

import pytest

from talktime.core.roles import OPERATOR_ROLES, ORGANIZATION_ROLES, RIGHTS, Area, Right, may_change, rights_of

# One column an area; C: changes and sees, s: sees, -: neither.
COLUMNS = list(Area)
TABLE = """
                            funds calls reports people numbers rates settings members  orgs prices corr prov oper audit
global_administrator            C     C      C      C       C      C      C        C        -    -     -    -    -    -
billing_administrator           C     s      s      s       s      s      s        -        -    -     -    -    -    -
user_administrator              -     s      s      C       s      s      -        s        -    -     -    -    -    -
communications_administrator    -     C      s      C       C      s      -        -        -    -     -    -    -    -
helpdesk                        s     s      s      s       s      s      -        -        -    -     -    -    -    -
report_reader                   -     -      s      -       -      s      -        -        -    -     -    -    -    -
operator                        C     C      C      C       C      C      C        C        C    C     C    C    C    C
price_manager                   -     -      -      -       -      s      -        -        s    C     -    -    -    -
support                         s     s      s      s       s      s      s        s        s    s     s    s    s    s
auditor                         s     s      s      -       -      -      s        -        s    -     s    s    s    s
"""
LINES = {line.split()[0]: line.split()[1:] for line in TABLE.strip().splitlines()[1:]}
MEANS = {"C": {"see", "change"}, "s": {"see"}, "-": set()}


@pytest.mark.parametrize("role", LINES)
def test_a_role_may_do_what_the_table_says(role: str) -> None:
    marks = dict(zip(COLUMNS, LINES[role], strict=True))
    assert rights_of([role]) == {Right(f"{area}.{what}") for area, mark in marks.items() for what in MEANS[mark]}


def test_every_role_is_in_the_table() -> None:
    assert set(LINES) == set(RIGHTS) == {*ORGANIZATION_ROLES, *OPERATOR_ROLES}


def test_every_area_can_be_seen_and_changed() -> None:
    assert {right.value for right in Right} == {f"{area}.{what}" for area in Area for what in ("see", "change")}


def test_who_has_two_roles_may_do_what_either_may() -> None:
    assert rights_of(["report_reader", "user_administrator"]) == rights_of(["user_administrator"])
    assert rights_of(["price_manager", "auditor"]) == rights_of(["price_manager"]) | rights_of(["auditor"])


def test_a_role_that_nobody_knows_may_do_nothing() -> None:
    assert rights_of(["dancer"]) == rights_of([]) == set()


def test_some_roles_only_look() -> None:
    assert {role for role in RIGHTS if not may_change([role])} == {"helpdesk", "report_reader", "support", "auditor"}
    assert may_change(["helpdesk", "user_administrator"])
