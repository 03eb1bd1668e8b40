"""What sipp plays: a caller who does what a test says, and a callee who does what the number says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.sip.parts import Hears, go, label, pause, scenario, send

REFUSALS = (
    *(400, 401, 402, 403, 404, 406, 407, 408, 413, 416, 420, 480, 481, 482, 483, 484, 486, 487, 488),
    *(500, 501, 502, 503, 504, 513, 600, 603),
)
RINGING = (100, 180, 183)
FOREVER_SECONDS = 600
RINGS_SECONDS, HANGS_UP_SECONDS, GIVES_UP_SECONDS = 3.0, 1.5, 1.0
REPEATED_SECONDS = 0.5
AFTER_BYE = (403, 404, 408, 481)


class Callee(StrEnum):
    """Numbers, and what happens to those who call them. Any other number answers at once, too, and stays."""

    ANSWERS = "+442079460101"
    BUSY = "+442079460102"
    RINGS = "+442079460103"
    """And never answers."""
    RINGS_FIRST = "+442079460104"
    HANGS_UP = "+442079460105"
    GIVES_UP = "+442079460106"
    """It rings, and then the callee's side says that nobody is there."""
    FAILS = "+442079460107"
    VANISHES = "+442079460108"
    """Answers, and is never heard of again."""


# ------------------------------------------------------------------------------------------------- the caller


@dataclass(frozen=True, kw_only=True)
class Caller:
    to: str = Callee.ANSWERS
    user: str = "nobody"
    sender: str = '"Front desk" <sip:{user}@[local_ip]>'
    tag: str = "[pid]t[call_number]"
    to_tag: str = ""
    """As if the call were known already."""
    headers: tuple[str, ...] = ()
    credentials: str = ""
    """As sipp writes them: `username=anna password=...`"""
    cancels: float | None = None
    """Seconds from the INVITE until it gives up."""
    holds: float = 1.0
    """Seconds of talk until it hangs up, if nobody else has."""
    repeats: str = ""
    """A request that it sends twice a second while it talks."""
    vanishes: bool = False
    """Instead of hanging up."""

    def scenario(self) -> str:
        rings = self._challenged() if self.credentials else self._asks()
        talks = pause(FOREVER_SECONDS) if self.vanishes else self._repeats() if self.repeats else self._talks()
        refused = [label("refused"), self._request("ACK", same_way=True), label("end")]
        return scenario(rings, self._request("ACK", in_dialog=True), talks, *refused)

    def _asks(self, more: str = "") -> str:
        invite = self._request("INVITE", more=more)
        if self.cancels is None:
            return invite + Hears().answers(*RINGING).answers(*REFUSALS, then="refused").only(ANSWERED)
        # What has not been heard of must not be canceled.
        invite += '<recv response="100"/>'
        waits = Hears(self.cancels, "cancel").answers(*RINGING).answers(*REFUSALS, then="refused").only()
        cancel = label("cancel") + self._request("CANCEL", same_way=True)
        # The two answers may come in any order.
        return invite + waits + cancel + Hears().answers(200).answers(*REFUSALS, then="refused").only()

    def _challenged(self) -> str:
        challenge = '<recv response="401" optional="true" auth="true" next="known"/><recv response="407" auth="true"/>'
        asked = self._request("INVITE") + Hears().answers(100).only(challenge) + label("known")
        return asked + self._request("ACK", same_way=True) + self._asks(f"[authentication {self.credentials}]")

    def _talks(self) -> str:
        return Hears(self.holds, "hang_up").requests("BYE", then="bye").only() + self._ends()

    def _repeats(self) -> str:
        turn = self._request(self.repeats, in_dialog=True)
        turn += Hears().answers(100, *AFTER_BYE).requests("BYE", then="bye").only('<recv response="200"/>')
        turn += self._request("ACK", in_dialog=True) if self.repeats == "INVITE" else ""
        rests = [f"rest{number}" for number in range(max(round(self.holds / REPEATED_SECONDS), 1))]
        turns = [
            turn + Hears(REPEATED_SECONDS, rest).requests("BYE", then="bye").only() + label(rest) for rest in rests
        ]
        return "\n".join(turns) + go("hang_up") + self._ends()

    def _ends(self) -> str:
        heard = label("bye") + send(OK) + go("end")
        said = label("hang_up") + self._request("BYE", in_dialog=True)
        return heard + said + Hears().answers(*AFTER_BYE, then="end").only('<recv response="200" next="end"/>')

    def _request(self, method: str, *, same_way: bool = False, in_dialog: bool = False, more: str = "") -> str:
        """`same_way`: it belongs to the transaction of the INVITE."""
        begins = method == "INVITE" and not in_dialog
        to_tag = ("", f";tag={self.to_tag}")[bool(self.to_tag)] if begins or method == "CANCEL" else "[peer_tag_param]"
        lines = [
            f"{method} {'[next_url]' if in_dialog else f'sip:{self.to}@[remote_ip]:[remote_port]'} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={self._branch(begins or same_way)}",
            *(["[routes]"] if in_dialog else []),
            f"From: {self.sender.replace('{user}', self.user)};tag={self.tag}",
            f"To: <sip:{self.to}@[remote_ip]>{to_tag}",
            "Call-ID: [call_id]",
            f"CSeq: [cseq] {method}",
            "Max-Forwards: 70",
            "Contact: <sip:[local_ip]:[local_port]>",
            *(self.headers if begins else []),
            *([more] if more else []),
        ]
        return send(lines, again=method != "ACK")

    def _branch(self, is_first: bool) -> str:
        """CANCEL and the ACK of a refusal carry the branch of their INVITE."""
        return "z9hG4bK-[pid]-[call_number]-[cseq]" if is_first else "[branch]"


ANSWERED = '<recv response="200" rrs="true"/>'

# ------------------------------------------------------------------------------------------------- the callee

ANSWER_LINES = ("[last_From:]", "[last_Call-ID:]", "Contact: <sip:[local_ip]:[local_port]>")
TAG = "[pid]u[call_number]"
OK = ["SIP/2.0 200 OK", "[last_Via:]", "[last_To:]", "[last_CSeq:]", *ANSWER_LINES]


def reply(status: str, cseq: str = "[last_CSeq:]", *, again: bool = False) -> str:
    """To a request that has no tag of ours yet."""
    lines = [f"SIP/2.0 {status}", "[last_Via:]", "[last_Record-Route:]", f"[last_To:];tag={TAG}", cseq, *ANSWER_LINES]
    return send(lines, again=again)


HEARS_ACK = '<recv request="ACK"/>'
ANSWER = reply("200 OK", again=True) + HEARS_ACK
RING = reply("180 Ringing")


def refuse(status: str, cseq: str = "[last_CSeq:]") -> str:
    return reply(status, cseq, again=True) + HEARS_ACK + go("end")


def ringing(seconds: float, then: str) -> str:
    return RING + Hears(seconds, then).requests("CANCEL", then="cancelled").only()


def talking(seconds: float) -> str:
    hears = Hears(seconds, "hang_up").requests("INFO", "UPDATE", "OPTIONS", then="ok").requests("INVITE", then="again")
    return hears.requests("BYE", then="bye").only()


BEHAVIOURS = {
    Callee.BUSY: refuse("486 Busy Here"),
    Callee.RINGS: ringing(FOREVER_SECONDS, "gave_up"),
    Callee.RINGS_FIRST: ringing(RINGS_SECONDS, "answer"),
    Callee.HANGS_UP: ANSWER + talking(HANGS_UP_SECONDS),
    Callee.GIVES_UP: ringing(GIVES_UP_SECONDS, "gave_up"),
    Callee.FAILS: refuse("503 Service Unavailable"),
    Callee.VANISHES: ANSWER + pause(FOREVER_SECONDS),
}


def callee() -> str:
    """One scenario for all, so that one sipp is everybody who can be called."""
    named = [(number.name.lower(), number, plays) for number, plays in BEHAVIOURS.items()]
    forks = "".join(go(name, test=f"is_{name}") for name, _, _ in named)
    return scenario(
        '<recv request="INVITE" rrs="true"><action>',
        *(_matches(f"^INVITE sip:[+]?{number[1:]}@", f"is_{name}") for name, number, _ in named),
        *(_header(header, variable) for header, variable in (("From", "them"), ("To", "us"), ("CSeq", "turn"))),
        "</action></recv>",
        forks,
        label("answer") + ANSWER + label("talk") + talking(FOREVER_SECONDS),
        *(label(name) + plays for name, _, plays in named),
        label("ok") + send(OK) + go("talk"),
        label("again") + send(OK, again=True) + HEARS_ACK + go("talk"),
        label("bye") + send(OK) + go("end"),
        label("cancelled") + reply("200 OK") + refuse("487 Request Terminated", "CSeq:[$turn]"),
        label("gave_up") + refuse("480 Temporarily Unavailable"),
        label("hang_up") + _bye() + Hears().answers(*AFTER_BYE, then="end").only('<recv response="200"/>'),
        label("end"),
    )


def _matches(pattern: str, variable: str) -> str:
    return f'<ereg regexp="{pattern}" search_in="msg" check_it="false" assign_to="{variable}"/>'


def _header(name: str, variable: str) -> str:
    return f'<ereg regexp=".*" search_in="hdr" header="{name}:" check_it="true" assign_to="{variable}"/>'


def _bye() -> str:
    lines = [
        "BYE [next_url] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        "[routes]",
        f"From:[$us];tag={TAG}",
        "To:[$them]",
        "Call-ID: [call_id]",
        "CSeq: [cseq] BYE",
        "Max-Forwards: 70",
    ]
    return send(lines, again=True)
