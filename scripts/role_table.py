"""The table of roles as a document: written from the one that the product goes by.

python -m scripts.role_table           # write docs/roles.md
python -m scripts.role_table --check   # say whether it is in step, and end with 1 if not
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from talktime.core.roles import OPERATOR_ROLES, ORGANIZATION_ROLES, RIGHTS, Area, Right

DOCUMENT = Path(__file__).parents[1] / "docs" / "roles.md"
ABOUT = """# Roles

Who sees and changes what in the portal. Somebody with several roles may do what any of them may. This page is written
from the table `core/roles.RIGHTS` by `python -m scripts.role_table`; the same table decides, is shown under
Settings > Roles, and is what the tests try page by page. An organization always keeps one global administrator.
"""
WORDS = {2: "changes", 1: "sees", 0: ""}


def document() -> str:
    areas = [*Area]
    own = [area for area in areas if Right(f"{area}.see") in RIGHTS["global_administrator"]]
    parts = [ABOUT, "## Roles of an organization", *table(ORGANIZATION_ROLES, own)]
    return "\n".join([*parts, "", "## Roles of the operator", *table(OPERATOR_ROLES, areas), ""])


def table(roles: Sequence[str], areas: Sequence[Area]) -> Iterator[str]:
    yield ""
    yield " | ".join(["| Area", *(role.replace("_", " ") for role in roles)]) + " |"
    yield "|---" * (len(roles) + 1) + "|"
    for area in areas:
        yield " | ".join([f"| {area}", *(WORDS[_held(role, area)] for role in roles)]) + " |"


def _held(role: str, area: Area) -> int:
    return sum(right in RIGHTS[role] for right in (Right(f"{area}.see"), Right(f"{area}.change")))


def main(check: bool) -> int:
    if not check:
        DOCUMENT.write_text(document())
        return 0
    return int(DOCUMENT.read_text() != document())


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
