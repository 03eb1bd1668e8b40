"""FreeSWITCH: mod_xml_curl asks for a dialplan, mod_json_cdr reports how the call ended."""

from __future__ import annotations

from collections.abc import Sequence

from talktime.integrations.freeswitch.fields import Channel, Ended
from talktime.integrations.freeswitch.xml import Action, dialplan
from talktime.web.call_answers import GrantedBody, RefusedBody
from talktime.web.call_forms import AuthorizeForm, Form, ReleaseForm, SettleForm
from talktime.web.codecs import Codec, Conversation, Sent, form_of
from talktime.web.problems import Problem
from talktime.web.routes import Raw
from talktime.web.switch_doors import FREESWITCH_CDR, FREESWITCH_DIALPLAN

CALL_ID, ORGANIZATION = "talktime_call_id", "talktime_organization"
"""Variables of the channel: they come back in the record of the call."""
REASON = "talktime_reason"
TAKEN = Raw(b"", "application/json", status=204)
NO_DECISION = (503, "Service Unavailable")


def ask(sent: Sent) -> Conversation:
    channel, query = Channel(sent.body), sent.query
    to, gateway = channel.dialled, channel.gateway(query.get("gateway", ""))
    organization = channel.variable(ORGANIZATION) or query.get("organization")
    decision: GrantedBody | RefusedBody = yield form_of(
        AuthorizeForm,
        call_id=channel.call_id,
        organization=organization,
        call_type=channel.variable("talktime_call_type") or query.get("call_type") or "user_out",
        user=channel.variable("talktime_user") or query.get("user"),
        from_=channel.text("Caller-Caller-ID-Number"),
        to=to,
        sip_call_id=channel.text("variable_sip_call_id")[:256],
        source=channel.text("Caller-Network-Addr")[:256],
        switch=query.get("switch"),
    )
    if isinstance(decision, RefusedBody):
        return dialplan(_refusing(decision.sip.code, decision.sip.phrase, decision.reason))
    about = [("set", f"{CALL_ID}={channel.call_id}")]
    about += [("set", f"{ORGANIZATION}={organization}")] if organization else []
    limits = [] if decision.emergency else _limiting(decision.granted_seconds, channel.is_answered)
    return dialplan([*about, *limits, ("bridge", f"sofia/gateway/{gateway}/{to}")])


def _limiting(seconds: int, is_answered: bool) -> Sequence[Action]:
    """The grant runs from the answer; where somebody has answered already, from now."""
    hang_up = f"+{seconds} allotted_timeout"
    begun = ("sched_hangup", hang_up) if is_answered else ("set", f"execute_on_answer=sched_hangup {hang_up}")
    return [begun, ("set", "hangup_after_bridge=true")]


def _refusing(code: int, phrase: str, reason: str) -> Sequence[Action]:
    """Whoever has answered already does not hear the code, so he is hung up on as well."""
    return [("set", f"{REASON}={reason}"), ("respond", f"{code} {phrase}"), ("hangup", "CALL_REJECTED")]


def no_decision(problem: Problem, request_id: str) -> Raw:
    """With any other status FreeSWITCH would look for the number in its own files."""
    return dialplan(_refusing(*NO_DECISION, problem.code))


def hear(sent: Sent) -> Conversation:
    ended = Ended(sent.body)
    # Other calls, and the other legs of ours, are no business of ours.
    if ended.text(CALL_ID):
        yield _report(ended)
    return TAKEN


def _report(ended: Ended) -> Form:
    about = {
        "call_id": ended.text(CALL_ID),
        "organization": ended.text(ORGANIZATION),
        "cause": ended.text("hangup_cause")[:256],
    }
    if not ended.was_answered:
        return form_of(ReleaseForm, **about)
    return form_of(SettleForm, duration_ms=ended.talked_ms, **about)


CODECS = {FREESWITCH_DIALPLAN: Codec(ask, no_decision), FREESWITCH_CDR: Codec(hear)}
