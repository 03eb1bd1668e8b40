"""`talktime kamailio`: a Kamailio that asks Talktime before it connects a call."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from talktime.cli.kamailio_folder import begin_folder, complaints, kamailio_program, write_file, write_folder
from talktime.cli.kamailio_switch import Beside, ByKey, Platform, register
from talktime.cli.options import USAGE, CannotDo, Data, Json, Url, content_of, say, say_json, settings_of
from talktime.integrations.kamailio import edge as given
from talktime.integrations.kamailio.edge import BadValue, Edge
from talktime.integrations.kamailio.filling import PHONES, SETTINGS
from talktime.integrations.kamailio.phones import with_phone

kamailio = typer.Typer(help="Kamailio as a prepaid SIP proxy.", no_args_is_help=True)

LISTEN = ("udp:127.0.0.1:5060",)
PASSWORD_BYTES = 12


@kamailio.command()
def init(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder that is made.")],
    trunk: Annotated[
        list[str],
        typer.Option(
            metavar="ADDRESS[:PORT]", help="Where calls go out and come in; the first takes those that go out."
        ),
    ],
    organization: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORG=ADDRESS[/MASK]",
            help="Whose calls come from there; may be repeated. ORG:conf_out=ADDRESS for a conference bridge.",
        ),
    ] = None,
    digest: Annotated[bool, typer.Option("--digest", help="Phones that sign in by a password, too.")] = False,
    url: Annotated[str, typer.Option("--url", help="Where Talktime answers.")] = "http://127.0.0.1:8080",
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A key with the scope calls. Without it one is made, where the data is."),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="[udp:|tcp:]ADDRESS:PORT", help=f"Where SIP is heard; may be repeated. [{LISTEN[0]}]"),
    ] = None,
    name: Annotated[str, typer.Option(help="What Talktime calls this switch.")] = "kamailio",
    cut_url: Annotated[
        str | None,
        typer.Option(
            metavar="http://ADDRESS:PORT/cut", help="Where Talktime says at once what to hang up: a private address."
        ),
    ] = None,
    realm: Annotated[str, typer.Option(help="The realm of passwords.")] = "talktime",
    force: Annotated[bool, typer.Option("--force", help="Write over what is there; your lists stay.")] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Write a folder from which Kamailio 5.6 runs, and make the switch known to Talktime.

    Its files are commented; those with the key or passwords are for their owner only.
    """
    if not organization and not digest:
        raise CannotDo("nobody could call: --organization ORG=ADDRESS, --digest, or both", USAGE)
    try:
        folder = given.folder_of(to)
        of = tuple(given.organization_of(one) for one in organization or ())
        sockets = tuple(given.listen_of(one) for one in listen or LISTEN)
        trunks = tuple(given.trunk_of(one) for one in trunk)
        door = given.door_of(cut_url) if cut_url else None
        names = given.name_of(name), given.url_of(url), given.realm_of(realm)
        begin_folder(folder, force)
        only = of[0].id if len({one.id for one in of}) == 1 and not digest else None
        platform: Platform = ByKey(url, key_file) if key_file else Beside(settings_of(data, database), only)
        key = given.key_of(platform.key())
    except BadValue as error:
        raise CannotDo(str(error), USAGE) from error
    made = Edge(folder, *names, key, sockets, trunks, of, digest, door, secrets.token_hex(24))
    write_folder(made)
    program = kamailio_program()
    done = Done(
        made,
        register(platform, made.name, cut_url, made.door_token),
        program is not None,
        complaints(program, folder) if program else [],
    )
    if as_json:
        say_json(done.facts)
    else:
        say("\n".join(done.sentences))
    if done.wrong:
        raise CannotDo("kamailio -c does not accept it:\n" + "\n".join(done.wrong))


class Done(NamedTuple):
    edge: Edge
    unknown: str | None
    """Why Talktime does not know the switch."""
    checked: bool
    wrong: Sequence[str]

    @property
    def facts(self) -> dict[str, object]:
        edge = self.edge
        known, right = self.unknown is None, not self.wrong if self.checked else None
        return {"folder": str(edge.folder), "switch": edge.name, "registered": known, "accepted_by_kamailio": right}

    @property
    def sentences(self) -> list[str]:
        edge = self.edge
        return [f"{edge.folder} is written.", self._known(), self._judged(), "", *_next(edge.folder)]

    def _known(self) -> str:
        if self.unknown is None:
            return f"Talktime knows the switch {self.edge.name}."
        return (
            f"Talktime does not know the switch {self.edge.name} yet: {self.unknown}\n"
            "It will with the first heartbeat; to be told at once it needs cut_url and cut_token (POST /v1/switches)."
        )

    def _judged(self) -> str:
        if not self.checked:
            return "Kamailio is not installed here: nobody has looked at the configuration."
        return "kamailio -c finds nothing wrong." if not self.wrong else "kamailio -c does not accept it."


def _next(folder: Path) -> list[str]:
    return [
        "Next, to see it work:",
        f"  kamailio -f {folder}/kamailio.cfg -DD -E",
        "Or as Debian's service:",
        f"  chown -R kamailio: {folder}",
        f"  echo CFGFILE={folder}/kamailio.cfg >> /etc/default/kamailio",
        "  systemctl restart kamailio",
    ]


@kamailio.command()
def phone(
    name: Annotated[str, typer.Argument(help="What the phone calls itself when it signs in.")],
    organization: Annotated[str, typer.Option(metavar="ORG", help="Whose phone it is (org_…).")],
    user: Annotated[str, typer.Option(metavar="USER", help="Who is responsible: number, sign-in name or id.")],
    folder: Annotated[Path, typer.Option("--in", metavar="DIR", help="The folder that `init` made.")],
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its password. Without it one is made and told, once.")
    ] = None,
) -> None:
    """Let a phone sign in by a password, or give it another one.

    A running proxy learns it by POST /reload at its private door, or when it is restarted.
    """
    password = _first_line(password_file) if password_file else secrets.token_hex(PASSWORD_BYTES)
    listed = content_of(folder / PHONES).decode(errors="replace")
    try:
        text = with_phone(listed, name, organization, user, password, _realm(folder))
    except BadValue as error:
        raise CannotDo(str(error), USAGE) from error
    write_file(folder / PHONES, text)
    if not password_file:
        say(password)


def _first_line(file: Path) -> str:
    lines = content_of(file).decode(errors="replace").splitlines()
    if not lines or not lines[0]:
        raise CannotDo(f"there is no password in {file}", USAGE)
    return lines[0]


def _realm(folder: Path) -> str:
    found = re.search(r'^talktime\.realm = "([^"]+)"', content_of(folder / SETTINGS).decode(errors="replace"), re.M)
    if found is None:
        raise CannotDo(f"{folder / SETTINGS} names no realm")
    return found[1]


def add_to(app: typer.Typer) -> None:
    app.add_typer(kamailio, name="kamailio")
