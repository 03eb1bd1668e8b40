"""What the checks are asked, from the state as it has moved on."""

from __future__ import annotations

from talktime.core.calls import Authorize, Call, Concerning
from talktime.core.cases import case_of
from talktime.core.checks import Question, who_pays
from talktime.core.desk import Desk
from talktime.core.pool_book import PoolKey
from talktime.core.usage import Payer


def ask(desk: Desk, command: Authorize, at: int) -> Question:
    """The price and the month of `at`, the money of now."""
    case, user = desk.case(command), desk.user(command)
    pool = pool_of_call(desk, command, at)
    left = desk.pool(pool).left(case.pool.is_second) if pool and case.pool else None
    tally = desk.tally(command, user.user_id) if user and case.outgoing else None
    available = desk.purse(command).available(desk.now(command))
    return Question(
        command.asked, desk.account(command), user, case, desk.rate(command, at), available, at, left, tally
    )


def pool_of_call(desk: Desk, command: Authorize, at: int) -> PoolKey | None:
    pool = desk.case(command).pool
    return (command.org_id, pool.pool_id, desk.month(command, at)) if pool else None


def payer_after_pool(desk: Desk, command: Concerning, call: Call) -> Payer | None:
    """The rules 9 to 12, asked at the moment at which a call goes over from its pool; None: nobody pays."""
    assert call.asked is not None
    account, now = desk.account(command), desk.now(command)
    user = desk.user_of(call)
    case = case_of(call.asked, account, user, desk.knowledge, False)
    available = desk.purse(command).available(now)
    return who_pays(Question(call.asked, account, user, case, call.known_rate, available, now)).payer
