"""What the dialplan asks, asked of the platform, and told to the channel. Without a clear yes there is no call."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from time import monotonic
from typing import Any

import structlog

from talktime.integrations.asterisk.calls import Call, Calls
from talktime.integrations.asterisk.conversation import Conversation
from talktime.integrations.asterisk.lines import Gone, Malformed
from talktime.integrations.asterisk.questions import NOTE_CHARACTERS_MAX, Misasked, authorize_form, question_of
from talktime.integrations.platform import Granted, NoDecision, Platform, Refused

log = structlog.get_logger("talktime.asterisk")
CAUSES = {402: 21, 403: 21, 404: 1, 503: 34}
"""Of Q.931, from which Asterisk makes the code that the caller hears: it has none for 402."""
REJECTED = 21
DIGITS_MAX = 9
OF_DIAL = ("DIALSTATUS", "ANSWEREDTIME", "ANSWEREDTIME_MS")


class Door:
    def __init__(
        self, platform: Platform, calls: Calls, switch: str, organization: str | None, extends: bool = False
    ) -> None:
        """`extends`: somebody moves the end of calls while they run."""
        self._platform, self._calls, self._switch = platform, calls, switch
        self._organization, self._extends = organization, extends

    def serve(self, talk: Conversation) -> None:
        try:
            verb, values = question_of(talk.facts)
            if self._organization:
                values.setdefault("organization", self._organization)
            {"authorize": self._authorize, "answered": self._answered, "ended": self._ended}[verb](talk, values)
        except Misasked as error:
            log.error("the dialplan asks wrongly", why=str(error))
            _refuse(talk, "failed", "misasked", str(error), 503)

    # ---------------------------------------------------------------- before Dial

    def _authorize(self, talk: Conversation, values: dict[str, str]) -> None:
        self._end_earlier(talk)
        form = authorize_form(talk.facts, values, f"agi-{secrets.token_hex(16)}", self._switch)
        try:
            decision = self._platform.authorize(form)
        except NoDecision as error:
            log.warning("no decision", call_id=form["call_id"], why=str(error))
            _refuse(talk, "failed", "no_decision", str(error), 503)
            return
        if isinstance(decision, Refused):
            _refuse(talk, "refused", decision.reason, decision.detail, decision.sip.code)
            return
        call = _call_of(form, talk, decision)
        try:
            self._grant(talk, call)
        except (Gone, Malformed):
            # Nobody has heard of the grant, so there will be no call.
            self._calls.remove(call.call_id)
            self._platform.release(call.named)
            raise

    def _grant(self, talk: Conversation, call: Call) -> None:
        limited = not call.emergency
        for name in OF_DIAL:
            # Of an earlier Dial on this channel.
            talk.set(name, "")
        talk.set("TALKTIME_CALL_ID", call.call_id)
        talk.set("TALKTIME_ORGANIZATION", call.organization or "")
        talk.set("TALKTIME_SECONDS", call.granted_seconds)
        talk.set("TALKTIME_LIMIT", f"L({call.granted_seconds}000)" if limited and not self._extends else "")
        if limited and self._extends:
            talk.hang_up_after(call.granted_seconds)
        self._calls.add(call)
        # Last: whoever reads it finds all the rest.
        talk.set("TALKTIME_DECISION", "granted")

    # ---------------------------------------------------------------- when the callee answers, and afterwards

    def _answered(self, talk: Conversation, values: dict[str, str]) -> None:
        if "call_id" not in values:
            raise Misasked("answered needs call_id")
        call = self._calls.find(values["call_id"])
        if call is not None and call.answered_at is None:
            call.answered_at = monotonic()
            if self._extends and not call.emergency:
                call.next_at = call.answered_at
        self._platform.answered(call.named if call else values)

    def _ended(self, talk: Conversation, values: dict[str, str]) -> None:
        self._end_earlier(talk, values.get("organization"))

    def _end_earlier(self, talk: Conversation, organization: str | None = None) -> None:
        """The call that this channel was granted last, if there was one."""
        call_id = talk.get("TALKTIME_CALL_ID")
        if not call_id:
            return
        whose = talk.get("TALKTIME_ORGANIZATION") or organization
        named = {"call_id": call_id} | ({"organization": whose} if whose else {})
        status, lasted = talk.get("DIALSTATUS"), _lasted(talk)
        call = self._calls.remove(call_id)
        self._report(named, status, lasted, call)
        talk.set("TALKTIME_CALL_ID", "")

    def _report(self, named: dict[str, str], status: str, lasted: dict[str, int], call: Call | None) -> None:
        cause: dict[str, Any] = {"cause": status.lower()[:NOTE_CHARACTERS_MAX]} if status else {}
        if any(lasted.values()):
            self._platform.settle(named | cause | lasted)
        elif call is not None and call.answered_at is not None:
            self._platform.settle(named | cause | {"duration_ms": round(1000 * call.talked(monotonic()))})
        elif status == "ANSWER" and lasted:
            # Asterisk counts whole seconds, and the first had begun.
            self._platform.settle(named | cause | {"duration_seconds": 1})
        elif status == "ANSWER":
            log.error("nobody knows how long a call was: the platform charges its grant", **named)
        else:
            self._platform.release(named | cause)


def _call_of(form: Mapping[str, Any], talk: Conversation, granted: Granted) -> Call:
    return Call(
        form["call_id"],
        form.get("organization"),
        talk.facts.get("agi_channel", ""),
        granted.granted_seconds,
        granted.extend_after_seconds,
        granted.emergency,
        monotonic(),
    )


def _refuse(talk: Conversation, decision: str, reason: str, detail: str, code: int) -> None:
    talk.set("TALKTIME_DECISION", decision)
    talk.set("TALKTIME_REASON", reason)
    talk.set("TALKTIME_DETAIL", detail)
    talk.set("TALKTIME_SIP_CODE", code)
    talk.set("TALKTIME_CAUSE", CAUSES.get(code, REJECTED))


def _lasted(talk: Conversation) -> dict[str, int]:
    """From the answer to the end, as exactly as this Asterisk knows it; nothing where it knows nothing."""
    for variable, name in (("ANSWEREDTIME_MS", "duration_ms"), ("ANSWEREDTIME", "duration_seconds")):
        value = talk.get(variable)
        if value.isascii() and value.isdigit() and len(value) <= DIGITS_MAX:
            return {name: int(value)}
    return {}
