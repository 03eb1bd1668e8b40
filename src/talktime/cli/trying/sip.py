"""A single call by SIP: sipp calls the running switch, and the books say what became of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from talktime.cli.options import USAGE, CannotDo
from talktime.cli.trying.trial import TOLD_SECONDS_MAX, Api, Step, Trial, Watcher

SIPP = "sipp"
SCENARIO = Path(__file__).parent / "caller.xml"
RINGS_SECONDS_MAX = 60
LISTED = 50
_NUMBER = re.compile(r"[+0-9A-Za-z][0-9A-Za-z._:-]{0,63}")
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9]) ?(.*)")


class Message(NamedTuple):
    at: float
    is_sent: bool
    of: str
    """Of which request, such as INVITE."""
    line: str

    @property
    def code(self) -> int | None:
        found = _STATUS.match(self.line)
        return int(found[1]) if found else None


def called(trial: Trial, host: str, port: int, source: str | None, api: Api, watcher: Watcher) -> Trial:
    if shutil.which(SIPP) is None:
        raise CannotDo("sipp is needed for this door: apt-get install sip-tester")
    organization = trial.wanted.organization
    trial.balance_before = watcher.balance()
    known = {call["call_id"] for call in _listed(api, organization)}
    messages = _sipp(trial, host, port, source)
    trial.steps += [Step(_what(one), (one.at - messages[0].at) * 1000) for one in messages]
    _judge(trial, messages)
    _look_up(trial, api, watcher, known)
    trial.balance_after = watcher.balance()
    return trial


def _sipp(trial: Trial, host: str, port: int, source: str | None) -> Sequence[Message]:
    wanted = trial.wanted
    for value in (wanted.to, wanted.caller or "anonymous", source or "any"):
        if not _NUMBER.fullmatch(value):
            raise CannotDo(f"{value!r} is nothing that can be called by SIP", USAGE)
    with tempfile.TemporaryDirectory(prefix="talktime-try-") as folder:
        log = Path(folder) / "messages"
        command = [SIPP, f"{host}:{port}", "-sf", str(SCENARIO), "-s", wanted.to, "-key", "caller"]
        command += [wanted.caller or "anonymous", "-d", str(wanted.seconds * 1000), "-m", "1", "-nostdin"]
        # Switches ask in the middle of a call whether it is still there.
        command += ["-aa", *(["-i", source] if source else [])]
        command += ["-recv_timeout", str(RINGS_SECONDS_MAX * 1000), "-trace_shortmsg", "-shortmessage_file", str(log)]
        seconds_max = RINGS_SECONDS_MAX + wanted.seconds + 30
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds_max)
        except subprocess.TimeoutExpired as error:
            raise CannotDo(f"sipp did not come to an end within {seconds_max} s") from error
        messages = messages_of(log.read_text(errors="replace")) if log.exists() else []
    if not messages:
        raise CannotDo(f"sipp could not call: {done.stderr.strip()[-300:]}")
    return messages


def messages_of(log: str) -> list[Message]:
    """Date, time, instant, direction, Call-ID, CSeq, first line."""
    rows = (line.split("\t") for line in log.splitlines())
    return [
        Message(float(row[2]), row[3] == "S", row[5].rpartition(" ")[2], row[6].strip())
        for row in rows
        if len(row) == 7
    ]


def _what(message: Message) -> str:
    return f"{'sent' if message.is_sent else 'heard'} {message.line.removeprefix('SIP/2.0 ')}"


def _judge(trial: Trial, messages: Sequence[Message]) -> None:
    heard = [one for one in messages if not one.is_sent]
    finals = [one for one in heard if one.of == "INVITE" and (one.code or 0) >= 200]
    if not finals:
        raise CannotDo("nobody answered the INVITE")
    trial.code = finals[0].code
    trial.decision = "granted" if trial.code == 200 else "refused"
    if trial.code == 200:
        ends = [one.at for one in messages if one.of == "BYE"]
        trial.talked_seconds = round((ends[0] if ends else messages[-1].at) - finals[0].at)


def _look_up(trial: Trial, api: Api, watcher: Watcher, known: set[str]) -> None:
    """The switch makes its own name for the call, so it is found by being new and going there."""
    until = time.monotonic() + TOLD_SECONDS_MAX
    while not (found := [one for one in _listed(api, trial.wanted.organization) if _is_it(one, trial, known)]):
        if trial.code != 200 or time.monotonic() > until:
            return
        time.sleep(0.1)
    trial.call_id = found[0]["call_id"]
    story = watcher.ended(trial.call_id)
    trial.granted_seconds, trial.state, trial.reason = story["granted_seconds"], story["state"], story["reason"] or ""
    trial.charge, trial.currency = story["charge"], story["currency"]


def _is_it(call: Any, trial: Trial, known: set[str]) -> bool:
    return call["call_id"] not in known and call["to"] == trial.wanted.to


def _listed(api: Api, organization: str | None) -> list[Any]:
    told = api.send("GET", "/v1/calls", organization=organization, query={"limit": str(LISTED)})
    return list(told["data"])
