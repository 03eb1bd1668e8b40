"""`talktime kamailio`: a Kamailio that asks Talktime before it connects a call."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from talktime.cli.client import Client, Refused
from talktime.cli.options import USAGE, CannotDo, Data, Json, Url, content_of, say, say_json, settings_of
from talktime.integrations.kamailio import edge as given
from talktime.integrations.kamailio.edge import BadValue, Edge
from talktime.integrations.kamailio.filling import CALLS, SECRET, YOURS, contents
from talktime.settings import Settings
from talktime.storage.dialog_file import make_dialog_file

kamailio = typer.Typer(help="Kamailio as a prepaid SIP proxy.", no_args_is_help=True)

PROGRAM = "/usr/sbin/kamailio"
"""Where Debian has it: not on the path of people who are not root."""


@kamailio.callback()
def _several() -> None:
    """One command so far; it keeps its name."""


@kamailio.command()
def init(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder that is made.")],
    trunk: Annotated[
        list[str],
        typer.Option(metavar="ADDRESS:PORT", help="Where calls go out and come in; the first takes those that go out."),
    ],
    organization: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORG=ADDRESS[/MASK]",
            help="Whose calls come from there; may be repeated. ORG:conf_out=… for a conference bridge.",
        ),
    ] = None,
    digest: Annotated[bool, typer.Option("--digest", help="Phones with a password, from anywhere.")] = False,
    url: Annotated[str, typer.Option("--url", help="Where Talktime answers.")] = "http://127.0.0.1:8080",
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A key with the scope calls; without it one is made, beside the data folder."
        ),
    ] = None,
    listen: Annotated[
        list[str] | None, typer.Option(metavar="[udp:|tcp:]ADDRESS:PORT", help="Where SIP is heard.")
    ] = None,
    name: Annotated[str, typer.Option(help="What Talktime calls this switch.")] = "kamailio",
    cut_url: Annotated[
        str | None,
        typer.Option(metavar="http://ADDRESS:PORT/cut", help="Where Talktime tells at once what to hang up: private."),
    ] = None,
    realm: Annotated[str, typer.Option(help="The realm of digest authentication.")] = "talktime",
    force: Annotated[bool, typer.Option("--force", help="Write over what is there; your lists stay.")] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Write a folder from which Kamailio 5.6 runs, and make the switch known.

    Its files are commented. What holds the key or passwords is for its owner only.
    """
    if not organization and not digest:
        raise CannotDo("nobody could call: --organization ORG=ADDRESS or --digest", USAGE)
    try:
        folder = given.folder_of(to)
        values: dict[str, Any] = {
            "folder": folder,
            "name": given.name_of(name),
            "url": given.url_of(url),
            "listen": tuple(given.listen_of(one) for one in listen or ["udp:127.0.0.1:5060"]),
            "trunks": tuple(given.trunk_of(one) for one in trunk),
            "organizations": tuple(given.organization_of(one) for one in organization or ()),
            "digest": digest,
            "realm": given.realm_of(realm),
            "cut_url": cut_url,
            "cut_token": secrets.token_urlsafe(24),
        }
        if cut_url:
            given.door_of(cut_url)
        _refuse_what_is_there(folder, force)
        platform = _Platform(values, settings_of(data, database), key_file)
        made = Edge(**values, key=given.key_of(platform.key))
    except BadValue as error:
        raise CannotDo(str(error), USAGE) from error
    _write(made)
    registered = platform.register(made)
    checked = _checked(folder)
    _tell(made, registered, checked, as_json)


def _refuse_what_is_there(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise CannotDo(f"{folder} is no folder", USAGE)
    if (folder / "kamailio.cfg").exists() and not force:
        raise CannotDo(f"{folder} has a kamailio.cfg already; --force writes over it", USAGE)


class _Platform:
    """Talktime as it can be reached from here: by a key of yours, or beside its data folder as its operator."""

    def __init__(self, values: dict[str, Any], settings: Settings, key_file: Path | None) -> None:
        self._settings = None if key_file else settings
        self._url = values["url"]
        of = {one.id for one in values["organizations"]}
        self._org = of.pop() if len(of) == 1 and not values["digest"] else None
        """Whose switch it is; None: the operator's, for all."""
        self.key = content_of(key_file).decode(errors="replace").strip() if key_file else self._make_key()

    def register(self, edge: Edge) -> str | None:
        """None: it is known. Else why it is not."""
        body = {"cut_url": edge.cut_url, "cut_token": edge.cut_token if edge.cut_url else None}
        try:
            if self._ask("POST", "/v1/switches", {"name": edge.name} | body) == 409:
                self._ask("PATCH", f"/v1/switches/{edge.name}", body)
        except (CannotDo, httpx.HTTPError) as error:
            return str(error)
        return None

    def _make_key(self) -> str:
        path, form = "/v1/operator/keys", {}
        if self._org:
            path, form = f"/v1/operator/organizations/{self._org}/keys", {"scopes": ["calls"]}
        assert self._settings
        with Client(self._settings) as client:
            return str(client.send("POST", path, form)["key"])

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> int:
        """The status; 409 is for whoever asks."""
        if self._settings is None:
            headers = {"authorization": f"Bearer {self.key}"}
            with httpx.Client(base_url=self._url, headers=headers, timeout=10, trust_env=False) as client:
                answer = client.request(method, path, json=body)
            if answer.status_code != 409 and not answer.is_success:
                raise CannotDo(f"Talktime answered {answer.status_code}")
            return answer.status_code
        try:
            with Client(self._settings) as local:
                local.send(method, path, body, organization=self._org)
        except Refused as error:
            if error.status != 409:
                raise
            return 409
        return 200


def _write(edge: Edge) -> None:
    edge.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, text in contents(edge).items():
        path = edge.folder / name
        if name in YOURS and path.exists():
            continue
        path.unlink(missing_ok=True)
        path.touch(mode=0o600 if name in SECRET else 0o644)
        path.write_text(text)
    make_dialog_file(edge.folder / CALLS)


def _checked(folder: Path) -> str | None:
    """What Kamailio says against it; None: nothing, or there is no Kamailio here."""
    program = _program()
    if program is None:
        return None
    command = [program, "-c", "-f", str(folder / "kamailio.cfg")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    wrong = [line for line in done.stderr.splitlines() if "ERROR" in line or "CRITICAL" in line]
    return "\n".join(wrong or ["it ended without a word"]) if done.returncode else None


def _program() -> str | None:
    return shutil.which("kamailio") or (PROGRAM if Path(PROGRAM).exists() else None)


def _tell(edge: Edge, registered: str | None, checked: str | None, as_json: bool) -> None:
    program = _program()
    if as_json:
        about = {"folder": str(edge.folder), "switch": edge.name, "cut_url": edge.cut_url}
        say_json(about | {"registered": registered is None, "checked": checked is None if program else None})
    else:
        say(f"{edge.folder} is written.")
        say(f"Talktime knows the switch {edge.name}." if registered is None else _by_hand(edge, registered))
        say(_verdict(program, checked))
        say(_next(edge))
    if checked is not None:
        raise CannotDo(f"kamailio -c:\n{checked}")


def _by_hand(edge: Edge, why: str) -> str:
    return (
        f"Talktime does not know the switch {edge.name} yet ({why}). It registers itself with its first heartbeat; "
        "for hanging up at once give its cut_url and cut_token by POST /v1/switches."
    )


def _verdict(program: str | None, checked: str | None) -> str:
    if program is None:
        return "Kamailio is not installed here, so nobody has checked the configuration."
    return "kamailio -c finds nothing wrong." if checked is None else "kamailio -c does not accept it."


def _next(edge: Edge) -> str:
    return f"""
Next, in the foreground to see it work:
  kamailio -f {edge.folder}/kamailio.cfg -DD -E
Or as Debian's service:
  chown -R kamailio: {edge.folder}
  echo CFGFILE={edge.folder}/kamailio.cfg >> /etc/default/kamailio
  systemctl restart kamailio"""


def add_to(app: typer.Typer) -> None:
    app.add_typer(kamailio, name="kamailio")
