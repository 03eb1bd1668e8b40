"""People who sign in: of an organization, and of the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from talktime.actions import invitations, members, set_up
from talktime.core.emails import LENGTH_MAX
from talktime.core.languages import Language
from talktime.core.roles import OperatorRole, OrganizationRole
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import moment
from talktime.reports import members as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.member_store import INVITED, MemberRow
from talktime.web.fields import Text, actor, given
from talktime.web.lists import Page, page_of
from talktime.web.routes import Keep, Request, Route

State = Literal["invited", "active", "removed"]
Email = Annotated[str, Meta(min_length=3, max_length=LENGTH_MAX)]
Roles = Annotated[list[OrganizationRole], Meta(min_length=1, max_length=20)]
OperatorRoles = Annotated[list[OperatorRole], Meta(min_length=1, max_length=20)]


class MemberForm(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Text
    email: Email
    roles: Roles
    language: Language = "en"


class MemberChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out keeps its value."""

    name: Text | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    roles: Roles | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class OperatorMemberForm(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Text
    email: Email
    roles: OperatorRoles
    language: Language = "en"


class OperatorMemberChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out keeps its value."""

    name: Text | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    roles: OperatorRoles | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class MemberBody(Struct, kw_only=True):
    id: str
    name: str
    email: str
    roles: list[str]
    language: str
    state: State
    created_at: datetime


class MemberPage(Page, kw_only=True):
    state: State | None = None


def member_body(member: MemberRow) -> MemberBody:
    state: Any = member.state
    return MemberBody(
        id=member.member_id,
        name=member.name,
        email=member.email,
        roles=list(member.roles),
        language=member.language,
        state=state,
        created_at=moment(member.created_at),
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """The same for an organization's people and for the operator's."""

    whose: Callable[[Request[Any]], int]

    def post(self, tx: Tx, request: Request[MemberForm | OperatorMemberForm]) -> MemberBody:
        """Invites somebody, by a letter with a link that works once."""
        made = MemberRow(request.app.new_id("mem"), **_values(request.form), state=INVITED, created_at=request.now)
        return member_body(invitations.invite(tx, request.app.vault, self.whose(request), made, actor(request)))

    def list(self, tx: ReadTx, request: Request[None]) -> dict[str, Any]:
        """People who sign in, in the order in which they were invited; also those who were removed."""
        page: MemberPage = request.query
        rows = reports.page(tx, self.whose(request), page.limit + 1, page.after(str), page.state)
        return page_of(rows, page.limit, lambda member: member.member_id, member_body)

    def get(self, tx: ReadTx, request: Request[None]) -> MemberBody:
        """One person."""
        return member_body(members.found(tx, self.whose(request), request.names["member_id"]))

    def patch(self, tx: Tx, request: Request[MemberChange | OperatorMemberChange]) -> MemberBody:
        """Changes single fields. The last global administrator stays one: 409 last_administrator."""
        changed, member_id = _values(request.form), request.names["member_id"]
        whose, vault = self.whose(request), request.app.vault
        return member_body(invitations.change(tx, vault, whose, member_id, changed, actor(request)))

    def invite_again(self, tx: Tx, request: Request[None]) -> None:
        """Sends the invitation once more; the link of the earlier one works no longer."""
        member_id, vault = request.names["member_id"], request.app.vault
        invitations.send_again(tx, vault, self.whose(request), member_id, actor(request))

    def delete(self, tx: Tx, request: Request[None]) -> None:
        """Removes a person and ends the sessions. The last global administrator stays: 409 last_administrator."""
        members.remove(tx, self.whose(request), request.names["member_id"], actor(request))

    def end_sessions(self, tx: Tx, request: Request[None]) -> None:
        """Signs a person out everywhere."""
        members.end_sessions(tx, self.whose(request), request.names["member_id"], actor(request))


class SetUpLinkBody(Struct):
    link: str
    """Works once, for a day."""


def post_set_up_link(tx: Tx, request: Request[None]) -> SetUpLinkBody:
    """A link by which the first operator signs in. Where one signs in already: 409 already_set_up."""
    return SetUpLinkBody(set_up.ask_link(tx, request.app.settings.reached_at, actor(request)))


def _values(form: Struct) -> dict[str, Any]:
    values = dict(given(form))
    return values | ({"roles": tuple(dict.fromkeys(values["roles"]))} if "roles" in values else {})


def _routes(all_of_them: str, desk: Desk, form: type[Struct], change: type[Struct], **common: Any) -> list[Route]:
    one, used = all_of_them + "/{member_id}", (409,)
    made: dict[str, Any] = {"answer": MemberBody, "status": 201, "once": Keep.MONTH}
    return [
        Route("POST", all_of_them, handler=desk.post, form=form, problems=used, **made, **common),
        Route("GET", all_of_them, handler=desk.list, query=MemberPage, answer=list[MemberBody], **common),
        Route("GET", one, handler=desk.get, answer=MemberBody, **common),
        Route("PATCH", one, handler=desk.patch, form=change, answer=MemberBody, problems=used, **common),
        Route("DELETE", one, handler=desk.delete, status=204, problems=used, **common),
        Route("POST", one + "/invite", handler=desk.invite_again, status=204, problems=used, **common),
        Route("POST", one + "/end-sessions", handler=desk.end_sessions, status=204, **common),
    ]


OURS: dict[str, Any] = {"scope": Scope.USERS, "tag": "People"}
OPERATORS: dict[str, Any] = {"scope": Scope.OPERATOR, "needs_organization": False, "tag": "Operator"}
ROUTES = [
    *_routes("/v1/members", Desk(lambda request: request.org_id), MemberForm, MemberChange, **OURS),
    *_routes(
        "/v1/operator/members",
        Desk(lambda request: OPERATOR_ORG),
        OperatorMemberForm,
        OperatorMemberChange,
        **OPERATORS,
    ),
    Route(
        "POST", "/v1/operator/set-up-link", handler=post_set_up_link, answer=SetUpLinkBody, problems=(409,), **OPERATORS
    ),
]
