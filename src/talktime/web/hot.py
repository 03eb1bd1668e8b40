"""The switch's side: bytes to a command, an answer to bytes. No rules, no SQL, no thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from talktime.app import App
from talktime.charging.batcher import BATCH_MAX, Overloaded, TooSlow
from talktime.core.calls import Answer, Command, Failed
from talktime.core.ids import org_number
from talktime.core.scopes import OPERATOR_ORG, Caller, Scope
from talktime.storage.errors import StoreError
from talktime.web.call_answers import BatchBody, OperationAnswer, outside
from talktime.web.call_forms import (
    AnsweredForm,
    Asking,
    AuthorizeForm,
    BatchForm,
    ExtendForm,
    Form,
    RecordForm,
    ReleaseForm,
    SettleForm,
)
from talktime.web.codecs import Conversation
from talktime.web.problems import UNREADABLE, Problem, problem_of, without_zero
from talktime.web.refusals import Sparing
from talktime.web.routes import Raw

log = structlog.get_logger("talktime.web")
decode_batch = msgspec.json.Decoder(BatchForm).decode
decode_operation: Callable[[msgspec.Raw], Form] = msgspec.json.Decoder(Form).decode
DECODERS: dict[str, Callable[[bytes], Form]] = {
    "authorize": msgspec.json.Decoder(AuthorizeForm).decode,
    "extend": msgspec.json.Decoder(ExtendForm).decode,
    "answered": msgspec.json.Decoder(AnsweredForm).decode,
    "settle": msgspec.json.Decoder(SettleForm).decode,
    "release": msgspec.json.Decoder(ReleaseForm).decode,
    "record": msgspec.json.Decoder(RecordForm).decode,
}


class HotDoor:
    def __init__(self, app: App) -> None:
        self._app = app
        self._submit = app.batcher.submit
        self._lines = Sparing()

    async def single(self, verb: str, caller: Caller, org_id: int, body: bytes) -> Any:
        form = DECODERS[verb](without_zero(body))
        command = form.command(self._asking(caller, org_id, form))
        return outside(form, (await self._ask([command]))[0])

    async def batch(self, caller: Caller, org_id: int, body: bytes) -> BatchBody:
        """In order: a call may be authorized and settled in one batch."""
        read = [self._read(operation, caller, org_id) for operation in decode_batch(body).operations]
        commands = [command for _, command in read if command is not None]
        answers: list[Answer] = []
        for start in range(0, len(commands), BATCH_MAX):
            answers += await self._ask(commands[start : start + BATCH_MAX])
        told = iter(answers)
        return BatchBody([one if command is None else _told(one, next(told)) for one, command in read])

    async def translated(self, caller: Caller, org_id: int, conversation: Conversation) -> Raw:
        """What a codec asks, one after the other, until it knows what to say."""
        try:
            form = next(conversation)
            while True:
                command = form.command(self._asking(caller, org_id, form))
                form = _next(conversation, form, (await self._ask([command]))[0])
        except StopIteration as end:
            said: Raw = end.value
            return said

    def _asking(self, caller: Caller, org_id: int, form: Form) -> Asking:
        """`org_id` is whom the caller acts for; an operator's call may name its organization itself."""
        named = None if form.organization is None else org_number(form.organization)
        if form.organization is not None and (named is None or org_id not in (OPERATOR_ORG, named)):
            raise Problem(404, "not_found")
        whose = org_id or named
        if not whose:
            raise Problem(422, "organization_required")
        return Asking(caller, whose, self._app.now(), org_id != OPERATOR_ORG)

    def _read(self, operation: msgspec.Raw, caller: Caller, org_id: int) -> tuple[Any, Command | None]:
        try:
            without_zero(bytes(operation))
            form = decode_operation(operation)
            return form, form.command(self._asking(caller, org_id, form))
        except (Problem, *UNREADABLE) as error:
            return _refused(error), None

    async def _ask(self, commands: Sequence[Command]) -> list[Answer]:
        try:
            return await self._submit(commands)
        except (Overloaded, TooSlow, StoreError) as error:
            self._tell(error)
            emergencies = [self._app.last_known.emergency(command) for command in commands]
            if any(emergencies):
                return [answer or Failed(busy=True) for answer in emergencies]
            # Nothing is known, so nothing is granted.
            code = "overloaded" if isinstance(error, Overloaded) else "not_available"
            raise Problem(503, code, headers={"retry-after": "1"}) from error

    def _tell(self, error: Exception) -> None:
        self._app.meters.store_errors.inc()
        if self._lines.may_write():
            log.warning("the store does not answer", error=str(error) or type(error).__name__)


def may_call(caller: Caller) -> None:
    if not caller.may(Scope.CALLS):
        raise Problem(403, "scope_missing", f"This key may not do that: it lacks the scope '{Scope.CALLS}'.")


def _next(conversation: Conversation, form: Form, answer: Answer) -> Form:
    """A codec may understand a refusal to answer."""
    try:
        told = outside(form, answer)
    except Problem as problem:
        return conversation.throw(problem)
    return conversation.send(told)


def _told(form: Form, answer: Answer) -> OperationAnswer:
    try:
        return OperationAnswer(200, outside(form, answer))
    except Problem as problem:
        return _refused(problem)


def _refused(error: Exception) -> OperationAnswer:
    problem = problem_of(error)
    assert problem is not None
    status = 422 if problem.status == 400 else problem.status
    return OperationAnswer(status, problem.body(""))
