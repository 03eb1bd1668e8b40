"""What is done with somebody who signs in: asked first, on a page of its own, and then done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from talktime.actions import second_factor, single_sign_on
from talktime.portal.pages import Answer, Away, Handler
from talktime.portal.settings.changing import REFUSED, Question, asked, errors_of, written
from talktime.portal.settings.members import API, HERE, member_of
from talktime.portal.visit import Visit


class Words(NamedTuple):
    title: str
    text: str
    label: str


class Step(NamedTuple):
    name: str
    """As the address of the page ends."""
    words: Callable[[Visit, Any], Words]
    do: Callable[[Visit, str], object]
    said: str = "saved"
    is_grave: bool = False
    leaves: bool = False
    """Afterwards there is no page of this person any more."""

    @property
    def get(self) -> Handler:
        return lambda visit: asked(self._question(visit, member_of(visit)))

    @property
    def post(self) -> Handler:
        return self._done

    def _done(self, visit: Visit) -> Answer:
        member = member_of(visit)
        try:
            self.do(visit, member["id"])
        except REFUSED as error:
            return asked(self._question(visit, member), {"": " ".join(errors_of(visit, error).values())})
        return Away(HERE if self.leaves else f"{HERE}/{member['id']}", self.said)

    def _question(self, visit: Visit, member: Any) -> Question:
        _ = visit.say
        section = (HERE, _("People who sign in"))
        return Question(section, *self.words(visit, member), f"{HERE}/{member['id']}", self.is_grave)


def _removal(visit: Visit, member: Any) -> Words:
    _ = visit.say
    text = _(
        "{name} is signed out everywhere and can no longer sign in. The audit log keeps the name.", **_name(member)
    )
    if member["id"] == visit.me.member.member_id:
        text = _("This is you: you are signed out at once, and somebody else has to invite you again.")
    return Words(_("Remove {name}?", **_name(member)), text, _("Remove"))


def _signing_out(visit: Visit, member: Any) -> Words:
    _ = visit.say
    text = _("All sessions end at once. Signing in again is possible.")
    return Words(_("Sign {name} out everywhere?", **_name(member)), text, _("Sign out everywhere"))


def _inviting(visit: Visit, member: Any) -> Words:
    _ = visit.say
    text = _("Another letter goes to {email}. The link of the earlier one works no longer.", email=member["email"])
    return Words(_("Invite {name} again?", **_name(member)), text, _("Send the invitation"))


def _factor(visit: Visit, member: Any) -> Words:
    _ = visit.say
    text = _(
        "For somebody who has lost the telephone and the recovery codes: be sure that it is {name} who asks. All "
        "sessions end, and the password alone is good until another one is set up.",
        **_name(member),
    )
    return Words(_("Take away the second factor of {name}?", **_name(member)), text, _("Take it away"))


def _releasing(visit: Visit, member: Any) -> Words:
    _ = visit.say
    text = _("The next account of your own server with the address {email} is linked.", email=member["email"])
    return Words(_("Release the single sign-on account of {name}?", **_name(member)), text, _("Release"))


def _name(member: Any) -> dict[str, str]:
    return {"name": member["name"]}


def _sent(method: str, after: str = "") -> Callable[[Visit, str], object]:
    return lambda visit, member_id: visit.send(method, f"{API}/{member_id}{after}")


STEPS = (
    Step("remove", _removal, _sent("DELETE"), "removed", is_grave=True, leaves=True),
    Step("sign-out", _signing_out, _sent("POST", "/end-sessions")),
    Step("invite", _inviting, _sent("POST", "/invite"), "invited"),
    Step("second-factor", _factor, lambda visit, member: written(visit, second_factor.reset, member, visit.actor)),
    Step(
        "single-sign-on", _releasing, lambda visit, member: written(visit, single_sign_on.release, member, visit.actor)
    ),
)
