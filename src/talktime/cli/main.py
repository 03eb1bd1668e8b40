"""The command `talktime`."""

from __future__ import annotations

import sys

import typer

from talktime.cli import (
    agi,
    audit,
    backup,
    capacity,
    checks,
    clusters,
    demo,
    diameter,
    doctor,
    drill,
    health,
    kamailio,
    keys,
    licences,
    mail,
    members,
    moving,
    payments,
    people,
    radius,
    rates,
    rating,
    retention,
    secrets,
    serving,
    shipped,
    tools,
    try_call,
    upgrade,
    users,
)
from talktime.cli.errors import told

HELP = "Prepaid telephone credits: rating, real-time charging and a ledger that adds up."

app = typer.Typer(
    name="talktime",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for part in (
    serving,
    keys,
    checks,
    doctor,
    health,
    backup,
    drill,
    upgrade,
    clusters,
    rates,
    licences,
    users,
    payments,
    mail,
    members,
    people,
    retention,
    audit,
    moving,
    secrets,
    radius,
    rating,
    diameter,
    demo,
    kamailio,
    agi,
    try_call,
    tools,
    capacity,
    shipped,
):
    part.add_to(app)


def main() -> None:
    """A mistake is answered with a sentence and a code that scripts can trust, never with a traceback."""
    try:
        app()
    except Exception as error:
        problem = told(error)
        if problem is None:
            raise
        sys.stderr.write(f"talktime: {problem}\n")
        sys.exit(problem.code)


if __name__ == "__main__":
    main()
