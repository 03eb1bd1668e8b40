"""The calls API as a switch sees it: decisions that are asked for once, and no call without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from talktime.integrations.reports import Reports, Sent

SECONDS_MAX = 2.0
"""A caller hears for so long nothing at all."""

Form = Mapping[str, Any]


class NoDecision(Exception):
    """No word what to do: a call that would begin is refused; one that is running ends at its grant."""

    def __init__(self, detail: str, status: int | None = None, *, sent: bool = True) -> None:
        super().__init__(detail)
        self.status = status
        """None: no whole answer came."""
        self.may_have_acted = sent and (status is None or not 400 <= status < 500)


class Sip(Struct, frozen=True):
    code: int
    phrase: str


class Granted(Struct, frozen=True, tag_field="decision", tag="granted"):
    """The total that may be talked, counted from the answer."""

    granted_seconds: int
    final: bool
    extend_after_seconds: int
    emergency: bool = False
    """Such a call is never cut."""


class Refused(Struct, frozen=True, tag_field="decision", tag="refused"):
    reason: str
    detail: str
    sip: Sip


class Extended(Struct, frozen=True):
    granted_seconds: int
    final: bool
    extend_after_seconds: int


class Story(Struct, frozen=True):
    """What the platform knows of a call, for a switch that does not know it any more."""

    state: str
    granted_seconds: int
    final: bool
    answered_at: datetime | None


class Beat(Struct, frozen=True):
    hang_up: list[str]


_decision = msgspec.json.Decoder(Granted | Refused).decode
_extended = msgspec.json.Decoder(Extended).decode
_beat = msgspec.json.Decoder(Beat).decode
_story = msgspec.json.Decoder(Story).decode
_CALLS = "/v1/calls/"


class Platform:
    """`url` is where the server is reached. A form is one of `/v1/calls`; the organization may stand in it."""

    def __init__(self, url: str, key: str, seconds_max: float = SECONDS_MAX) -> None:
        headers = {"authorization": f"Bearer {key}"}
        # What the environment says of proxies is not meant for a switch and its platform.
        self._client = httpx.Client(base_url=url, headers=headers, timeout=seconds_max, trust_env=False)
        self.reports = Reports(self._report)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """What was to be reported is told first, as far as the platform listens."""
        self.reports.stop()
        self._client.close()

    def authorize(self, form: Form) -> Granted | Refused:
        """Asked once: whoever asks again might be answered for another attempt."""
        try:
            decision: Granted | Refused = self._decided(_decision, self._posted(_CALLS + "authorize", form))
            return decision
        except NoDecision as error:
            if error.may_have_acted:
                self.release({name: form[name] for name in ("call_id", "organization") if name in form})
            raise

    def extend(self, form: Form) -> Extended:
        extended: Extended = self._decided(_extended, self._posted(_CALLS + "extend", form))
        return extended

    def answered(self, form: Form) -> None:
        """Nobody waits for it: an extend or a settle proves the answer as well."""
        self.reports.send("answered", form)

    def answered_first(self, form: Form) -> None:
        """The same, before anything else is asked: what follows counts from that instant."""
        answer = self._posted(_CALLS + "answered", form)
        if not answer.is_success:
            raise NoDecision(_why(answer), answer.status_code)

    def story(self, call_id: str, organization: str | None = None) -> Story | None:
        """None: the platform has never heard of this call."""
        headers = {"talktime-organization": organization} if organization else {}
        answer = self._sent("GET", _CALLS + quote(call_id, safe=""), headers=headers)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        story: Story = self._decided(_story, answer)
        return story

    def settle(self, form: Form) -> None:
        """Repeated until it is taken."""
        self.reports.send("settle", form)

    def release(self, form: Form) -> None:
        """Repeated until it is taken."""
        self.reports.send("release", form)

    def heartbeat(self, switch: str, boot_id: str, call_ids: Sequence[str] | None) -> Sequence[str]:
        """The calls that this switch must end. None: it keeps no list of its calls."""
        form = {"boot_id": boot_id, "active_call_ids": call_ids}
        beat: Beat = self._decided(_beat, self._posted(f"/v1/switches/{quote(switch, safe='')}/heartbeat", form))
        return beat.hang_up

    def _posted(self, path: str, form: Form) -> httpx.Response:
        return self._sent("POST", path, content=msgspec.json.encode(form), headers=_JSON)

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **more)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NoDecision(f"the platform is not there: {error}", sent=False) from error
        except httpx.HTTPError as error:
            raise NoDecision(f"the platform did not answer: {error}") from error

    def _decided(self, read: Any, answer: httpx.Response) -> Any:
        if answer.status_code != httpx.codes.OK:
            raise NoDecision(_why(answer), answer.status_code)
        try:
            return read(answer.content)
        except msgspec.MsgspecError as error:
            raise NoDecision(f"the platform's answer cannot be read: {error}") from error

    def _report(self, verb: str, form: Form) -> Sent:
        try:
            answer = self._posted(_CALLS + verb, form)
        except NoDecision as error:
            return Sent(None, str(error))
        return Sent(answer.status_code, "" if answer.is_success else _why(answer))


_JSON = {"content-type": "application/json"}


def _why(answer: httpx.Response) -> str:
    """In the platform's own words, if these are its words."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the platform answered {answer.status_code}"
