"""The doors through which a single call is tried: the API itself, `talktime agi`, and RADIUS."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import tempfile
from typing import Any
from urllib.parse import quote

from talktime.cli.options import USAGE, CannotDo
from talktime.cli.trying.trial import Api, Decision, Wanted
from talktime.integrations.asterisk.channel import Channel

RADCLIENT = "radclient"
RADIUS_SECONDS = 5
CLASS = "talktime:"


class ApiDoor:
    """As a switch of our own would ask."""

    def __init__(self, api: Api, organization: str | None) -> None:
        self._api, self._organization = api, organization
        self._call_id = f"try-{secrets.token_hex(8)}"

    def call_id(self) -> str:
        return self._call_id

    def begin(self, wanted: Wanted) -> Decision:
        form = {"call_type": wanted.call_type, "user": wanted.user, "from": wanted.caller, "to": wanted.to}
        told = self._post("authorize", **form)
        if told["decision"] != "granted":
            return Decision(0, reason=told["reason"], detail=told["detail"], code=told["sip"]["code"])
        return Decision(told["granted_seconds"], told["extend_after_seconds"])

    def answered(self) -> None:
        self._post("answered")

    def extend(self, seconds: int) -> Decision | None:
        told = self._post("extend", granted_seconds=seconds)
        return Decision(told["granted_seconds"], told["extend_after_seconds"])

    def end(self, seconds: int) -> None:
        if seconds:
            self._post("settle", duration_seconds=seconds)
        else:
            self._post("release", cause="not answered")

    def _post(self, verb: str, **form: Any) -> Any:
        body = {"call_id": self._call_id, **form}
        return self._api.send("POST", f"/v1/calls/{verb}", body, organization=self._organization)


class AgiDoor:
    """As Asterisk would ask: whatever is extended is extended by the door itself, while there really is a call."""

    def __init__(self, host: str, port: int) -> None:
        self._at = host, port
        self._channel: Channel | None = None
        self._call_id = ""

    def call_id(self) -> str:
        return self._call_id

    def begin(self, wanted: Wanted) -> Decision:
        channel = self._channel = Channel(*self._at, wanted.to, wanted.caller or "unknown")
        asked = {"call_type": wanted.call_type, "user": wanted.user, "organization": wanted.organization}
        self._ask("authorize", **asked)
        told = channel.variables
        if told.get("TALKTIME_DECISION") == "granted":
            self._call_id = told["TALKTIME_CALL_ID"]
            return Decision(int(told["TALKTIME_SECONDS"]))
        if told.get("TALKTIME_DECISION") != "refused":
            raise CannotDo(f"no decision: {told.get('TALKTIME_DETAIL', 'the door said nothing')}")
        code = int(told["TALKTIME_SIP_CODE"])
        return Decision(0, reason=told["TALKTIME_REASON"], detail=told["TALKTIME_DETAIL"], code=code)

    def answered(self) -> None:
        self._ask("answered", call_id=self._call_id)

    def extend(self, seconds: int) -> Decision | None:
        return None

    def end(self, seconds: int) -> None:
        assert self._channel
        lasted = {"DIALSTATUS": "ANSWER", "ANSWEREDTIME": str(seconds)} if seconds else {"DIALSTATUS": "NOANSWER"}
        self._channel.variables |= lasted
        self._ask("ended")

    def _ask(self, verb: str, **values: str | None) -> None:
        assert self._channel
        query = "&".join(f"{name}={quote(value)}" for name, value in values.items() if value)
        try:
            self._channel.ask(f"{verb}?{query}")
        except OSError as error:
            raise CannotDo(f"talktime agi does not answer at {self._at[0]}:{self._at[1]}: {error}") from error


class RadiusDoor:
    """As a gateway would ask, through FreeRADIUS, with its own client radclient."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        if shutil.which(RADCLIENT) is None:
            raise CannotDo("radclient is needed for this door: apt-get install freeradius-utils")
        self._host, self._port, self._secret = host, port, secret
        self._session = secrets.token_hex(8)
        self._about: dict[str, str] = {}
        self._class = ""

    def call_id(self) -> str:
        """As the platform calls it: that stands in `Class`, which gateways give back."""
        return bytes.fromhex(self._class.removeprefix("0x")).decode(errors="replace").removeprefix(CLASS)

    def begin(self, wanted: Wanted) -> Decision:
        self._about = {
            "User-Name": wanted.user or "",
            "Calling-Station-Id": wanted.caller or "",
            "Called-Station-Id": wanted.to,
            "NAS-Identifier": "talktime try-call",
            "Acct-Session-Id": self._session,
        }
        return self._access({})

    def answered(self) -> None:
        self._accounting("Start")

    def extend(self, seconds: int) -> Decision | None:
        return self._access({"Service-Type": "Authorize-Only"})

    def end(self, seconds: int) -> None:
        self._accounting("Stop", str(seconds))

    def _access(self, more: dict[str, str]) -> Decision:
        kind, told = self._sent("auth", self._port, more | {"Message-Authenticator": "0x00"})
        if kind == "Access-Accept":
            self._class = told.get("Class", self._class)
            seconds = int(told.get("Session-Timeout", "0")) or EVER_SECONDS
            return Decision(seconds, seconds * 4 // 5)
        if kind != "Access-Reject":
            raise CannotDo("the RADIUS server does not answer: is its secret the right one?")
        return Decision(0, reason="access_reject", detail=told.get("Reply-Message", ""))

    def _accounting(self, status: str, seconds: str = "0") -> None:
        kind, _ = self._sent("acct", self._port + 1, {"Acct-Status-Type": status, "Acct-Session-Time": seconds})
        if kind != "Accounting-Response":
            raise CannotDo(f"the RADIUS server has not taken the {status}")

    def _sent(self, what: str, port: int, more: dict[str, str]) -> tuple[str, dict[str, str]]:
        about = self._about | more | {"Class": self._class}
        lines = [f"{name} = {_attribute(name, value)}" for name, value in about.items() if value]
        with tempfile.NamedTemporaryFile("w", prefix="talktime-", suffix=".secret") as secret:
            secret.write(self._secret)
            secret.flush()
            command = [RADCLIENT, "-x", "-r", "1", "-t", str(RADIUS_SECONDS), "-S", secret.name]
            done = subprocess.run(
                [*command, f"{self._host}:{port}", what], input="\n".join(lines), capture_output=True, text=True
            )
        kind = re.search(r"^Received (\S+)", done.stdout, re.MULTILINE)
        after = done.stdout[kind.end() :] if kind else ""
        return (kind[1] if kind else "", dict(re.findall(r'^\s+(\S+) = "?(.*?)"?$', after, re.MULTILINE)))


EVER_SECONDS = 10**9
"""An answer without an end: such a call is never cut."""
_BARE = ("Service-Type", "Acct-Status-Type", "Acct-Session-Time", "Message-Authenticator", "Class")


def _attribute(name: str, value: str) -> str:
    if name in _BARE:
        return value
    if not value.isprintable() or '"' in value or "\\" in value or "%" in value:
        raise CannotDo(f"{value!r} cannot be told by RADIUS here", USAGE)
    return f'"{value}"'
