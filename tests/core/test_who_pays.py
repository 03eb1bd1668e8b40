"""Who may call and who pays: every row of the table 5.1 on paper, and what happens during a call."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from talktime.core.call_types import CallType
from talktime.core.calls import Granted, Refusal, Refused
from talktime.core.checks import outcomes
from talktime.core.fraud import Guard
from talktime.core.money import micros as usd
from talktime.core.organizations import User
from talktime.core.prices import PriceKind, Row
from talktime.core.time import SECOND
from tests.core.paper import Paper
from tests.core.switch import ended, extended, granted, lot, priced
from tests.core.switch import refused as reason_of
from tests.core.table_5_1 import (
    COMBINED,
    CONF,
    CREDITS,
    DOMESTIC,
    FRANCE,
    FREEPHONE,
    FRENCH_PREMIUM,
    NO_LICENCE,
    NOBODY,
    PAYG,
    POOL,
    POSTPAID,
    PP,
    SATELLITE,
    TABLE,
    UK,
    US,
    Case,
)


def paper_of(case: Case) -> Paper:
    rows = [Row(str(digit), f"Zone {digit}", usd("0.1")) for digit in range(1, 9)]
    rows += [Row("44", "ours", usd("0.02"), kind=kind) for kind in (PriceKind.CONFERENCE, PriceKind.TOLL_FREE)]
    lots = (lot("lot1", case.money),) if usd(case.money) else ()
    rules: dict[str, Any] = {"credits_set_up": case.set_up, "country": case.country, "postpaid": case.postpaid}
    paper = Paper(*lots, prices=priced(*rows), **rules)
    paper.pool_sizes = {(1, pool): size for pool, size in case.pools.items()}
    paper.toll_free = frozenset({(1, FREEPHONE)})
    paper.users[1, "one"] = User(
        "usr_1", case.home, tuple(case.licences.split()), case.policy, "+12025550199", case.blocked
    )
    return paper


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"R{case.row} {case.call_type} {case.to} {case.licences}")
def test_who_may_call_and_who_pays(case: Case) -> None:
    paper = paper_of(case)
    answer = paper.authorize("c1", call_type=CallType(case.call_type), to=case.to, user="one")
    told = answer.reason if isinstance(answer, Refused) else granted(answer).payer
    assert told == case.expected
    if isinstance(answer, Granted):
        assert case.capability in (None, answer.capability)
        assert (answer.minutes > 0) == (case.expected is POOL)
        assert (answer.held > 0) == (case.expected is CREDITS)


def test_every_row_of_the_table_that_decides_a_call_is_here() -> None:
    """35 is a fault of prices, 36 and 37 happen during a call, 38 is about ordering a number."""
    assert {case.row for case in TABLE} == {0, *range(1, 35)}


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"R{case.row} {case.call_type} {case.to} {case.licences}")
def test_the_story_ends_with_the_check_that_decided(case: Case) -> None:
    paper = paper_of(case)
    paper.authorize("c1", call_type=CallType(case.call_type), to=case.to, user="one")
    told = outcomes(paper.call("c1"))
    endings: dict[str, str] = {POOL: "pays", CREDITS: "pays", NOBODY: "free", POSTPAID: "postpaid"}
    assert told[-1][1] == endings.get(case.expected, case.expected)
    assert all(outcome in ("passed", "no") for _, outcome in told[:-1])


def test_the_story_of_a_call_that_had_ended_before_it_was_asked_for_is_short() -> None:
    paper = paper_of(TABLE[0])
    paper.authorize("c1")
    call = replace(paper.call("c1"), answer=Refused(Refusal.ALREADY_ENDED))
    assert outcomes(call) == [("has_not_ended", "already_ended")]


# ------------------------------------------------------------------------------------------- during a call


def pooled(minutes: int, money: str = "10", licences: str = f"{CONF} {PP}", **rules: int) -> Paper:
    paper = paper_of(Case(0, "conf_out", FRANCE, licences, POOL, money=money, pools={CONF: (minutes, 0)}))
    paper.change(**rules)
    return paper


def conference(paper: Paper, call_id: str = "c1") -> Granted:
    return granted(paper.authorize(call_id, call_type=CallType.CONF_OUT, to=FRANCE, user="one"))


def test_a_pool_pays_whole_minutes_and_holds_them() -> None:
    paper = pooled(60)
    answer = conference(paper)
    assert (answer.seconds, answer.minutes, answer.held, answer.final) == (300, 5, 0, False)
    assert paper.minutes(CONF) == (0, 5)
    settled = ended(paper.settle("c1", 61)).settled
    assert (settled.charge, settled.pool_minutes, settled.billed_seconds) == (0, 2, 120)
    assert paper.minutes(CONF) == (2, 0)


def test_a_slice_that_the_pool_does_not_cover_goes_on_with_credits_in_two_rows_of_one_call() -> None:
    paper = pooled(3)
    answer = conference(paper)
    assert (answer.seconds, answer.minutes, answer.held, answer.payer) == (300, 3, usd("0.2"), CREDITS)
    settled = ended(paper.settle("c1", 260)).settled
    assert [(row.payer, row.minutes, row.charge, row.capability) for row in settled.rows] == [
        ("pool", 3, 0, CONF),
        ("credits", 2, usd("0.2"), PP),
    ]
    rows = sorted(paper.usage.values(), key=lambda row: row.part)
    assert [(row.call_id, row.seconds, row.started_at) for row in rows] == [
        ("c1", 180, rows[0].started_at),
        ("c1", 80, rows[0].started_at + 180 * SECOND),
    ]


def test_a_call_that_ends_within_its_pool_gives_the_money_back() -> None:
    paper = pooled(3)
    conference(paper)
    assert ended(paper.settle("c1", 100)).settled.charge == 0
    assert (paper.minutes(CONF), paper.money()) == ((2, 0), ("10", "0"))


def test_row_36_a_pool_that_runs_dry_goes_on_with_credits_where_they_pay() -> None:
    paper = pooled(5)
    conference(paper)
    assert extended(paper.extend("c1", 300)).seconds == 600
    assert paper.money() == ("10", "0.5")
    assert ended(paper.settle("c1", 420)).settled.charge == usd("0.2")


@pytest.mark.parametrize(("money", "licences"), [("10", CONF), ("0", f"{CONF} {PP}")])
def test_row_36_a_pool_that_runs_dry_ends_the_call_where_nobody_pays(money: str, licences: str) -> None:
    paper = pooled(5, money, licences)
    assert conference(paper).final is False
    answer = extended(paper.extend("c1", 300))
    assert (answer.seconds, answer.final) == (300, True)


def test_a_call_that_has_gone_over_to_credits_stays_there() -> None:
    paper = pooled(5)
    conference(paper)
    paper.extend("c1", 300)
    paper.pool_sizes[1, CONF] = (500, 0)
    assert extended(paper.extend("c1", 600)).seconds == 900
    assert paper.minutes(CONF) == (0, 5)


def test_minutes_that_come_meanwhile_are_taken_while_the_pool_still_pays() -> None:
    paper = pooled(5, licences=CONF)
    conference(paper)
    assert extended(paper.extend("c1", 300)).seconds == 300
    paper.pool_sizes[1, CONF] = (7, 0)
    answer = extended(paper.extend("c1", 300))
    assert (answer.seconds, answer.final) == (420, True)


def test_the_credits_licence_is_asked_again_when_the_pool_ends_and_not_later() -> None:
    paper = pooled(5)
    conference(paper)
    conference(paper, "c2")
    paper.users[1, "one"] = replace(paper.users[1, "one"], codes=(CONF,))
    assert extended(paper.extend("c1", 300)).seconds == 300
    assert extended(paper.extend("c2", 300)).seconds == 600


def test_reported_usage_beyond_the_hold_takes_free_minutes_then_money_then_is_a_shortfall() -> None:
    paper = pooled(7, "0.15")
    conference(paper)
    settled = ended(paper.settle("c1", 600)).settled
    assert (settled.pool_minutes, settled.charge, settled.shortfall) == (7, usd("0.15"), usd("0.15"))


def test_what_no_rule_lets_credits_pay_is_a_shortfall() -> None:
    paper = pooled(5, licences=CONF)
    conference(paper)
    settled = ended(paper.settle("c1", 360)).settled
    assert (settled.pool_minutes, settled.charge, settled.shortfall) == (5, 0, usd("0.1"))
    assert [row.payer for row in settled.rows] == ["pool"]


def test_a_released_call_gives_its_minutes_back() -> None:
    paper = pooled(5)
    conference(paper)
    paper.release("c1")
    assert paper.minutes(CONF) == (0, 0)


def test_a_call_that_was_never_ended_used_its_grant_and_a_late_settle_corrects_it() -> None:
    paper = pooled(7)
    conference(paper)
    paper.answered("c1")
    paper.extend("c1", 300)
    paper.later(3600)
    paper.lapse("c1")
    assert (paper.minutes(CONF), paper.money()) == ((7, 0), ("9.7", "0"))
    assert ended(paper.settle("c1", 100)).settled.pool_minutes == 2
    assert (paper.minutes(CONF), paper.money()) == ((2, 0), ("10", "0"))
    assert [(row.payer, row.minutes) for row in paper.usage.values()] == [("pool", 2)]


def test_a_late_settle_that_was_longer_takes_what_else_is_free() -> None:
    paper = pooled(7, "0")
    conference(paper)
    paper.answered("c1")
    paper.later(3600)
    paper.lapse("c1")
    assert paper.minutes(CONF) == (5, 0)
    settled = ended(paper.settle("c1", 480)).settled
    assert (settled.pool_minutes, settled.charge, settled.shortfall) == (7, 0, usd("0.1"))


def test_parallel_calls_share_a_pool_to_the_minute() -> None:
    paper = pooled(8, licences=CONF)
    assert [conference(paper, f"c{n}").minutes for n in range(2)] == [5, 3]
    answer = paper.authorize("c2", call_type=CallType.CONF_OUT, to=FRANCE, user="one")
    assert reason_of(answer) is Refusal.NO_CREDITS_LICENCE


def test_a_combined_plan_is_used_up_when_either_cap_is_reached() -> None:
    paper = paper_of(Case(0, "user_out", FRANCE, COMBINED, POOL, pools={"MCOPSTN2/US": (100, 5)}))
    assert granted(paper.authorize("c1", to=FRANCE, user="one")).minutes == 5
    assert reason_of(paper.authorize("c2", to=US, user="one")) is Refusal.NO_CREDITS_LICENCE
    paper.settle("c1", 60)
    assert granted(paper.authorize("c3", to=US, user="one")).minutes == 5


def test_a_call_belongs_to_the_month_in_which_it_began() -> None:
    paper = pooled(60)
    conference(paper)
    paper.later(40 * 86_400)
    conference(paper, "c2")
    paper.settle("c1", 60)
    assert [(month, pool.first.used, pool.first.held) for (_, _, month), pool in sorted(paper.pool_months.items())] == [
        ("2031-03", 1, 0),
        ("2031-04", 0, 5),
    ]


def test_an_emergency_call_is_never_final_and_never_ends_by_itself() -> None:
    paper = paper_of(Case(0, "user_out", "911", "", NOBODY, money="0"))
    paper.change(max_call_seconds=300, closed=True)
    answer = granted(paper.authorize("c1", to="911", user="one"))
    assert (answer.seconds, answer.final, answer.emergency) == (300, False, True)
    for total in (300, 600, 900):
        assert extended(paper.extend("c1", total)).final is False
    assert extended(paper.extend("c1", 1200)).seconds == 1500


@pytest.mark.parametrize(("call_type", "pool"), [("conf_out", CONF), ("user_out", "MCOPSTN1/US")])
def test_an_emergency_call_takes_no_minutes_of_a_pool(call_type: str, pool: str) -> None:
    paper = paper_of(Case(0, call_type, "911", f"{CONF} {DOMESTIC}", NOBODY))
    answer = granted(paper.authorize("c1", call_type=CallType(call_type), to="911", user="one"))
    assert (answer.emergency, answer.payer, answer.minutes) == (True, NOBODY, 0)
    settled = ended(paper.settle("c1", 61)).settled
    assert [(row.payer, row.charge) for row in settled.rows] == [("none", 0)]
    assert paper.minutes(pool) == (0, 0)


def test_an_emergency_number_of_nobody_known_is_allowed_wherever_it_is_one() -> None:
    paper = paper_of(Case(0, "user_out", "911", "", NOBODY))
    assert granted(paper.authorize("c1", to="999", user="nobody")).emergency
    assert granted(paper.authorize("c2", to="911", user=None)).emergency
    assert reason_of(paper.authorize("c3", to="999999", user=None)) is Refusal.INVALID_NUMBER


# ------------------------------------------------------------------------------------------- postpaid


def test_postpaid_holds_nothing_and_reports_the_price() -> None:
    paper = paper_of(Case(34, "user_out", US, f"{PAYG} {PP}", POSTPAID, postpaid=True, money="0"))
    assert granted(paper.authorize("c1", to=US, user="one")).seconds == 300
    assert extended(paper.extend("c1", 300)).seconds == 600
    settled = ended(paper.settle("c1", 90)).settled
    assert (settled.charge, settled.shortfall, [row.payer for row in settled.rows]) == (usd("0.2"), 0, ["postpaid"])
    assert (paper.money(), paper.booked()) == (("0", "0"), {})


# ------------------------------------------------------------------------------------------- the fraud guard


def guarded(**guard: Any) -> Paper:
    paper = paper_of(Case(0, "user_out", US, f"{PAYG} {CONF} {PP}", CREDITS))
    paper.change(guard=Guard(**guard))
    return paper


@pytest.mark.parametrize(
    ("guard", "to"),
    [({"international": False}, UK), ({"premium": False}, FRENCH_PREMIUM), ({"high_risk": False}, SATELLITE)],
)
def test_a_kind_that_is_switched_off_refuses_and_blocks_nobody(guard: dict[str, bool], to: str) -> None:
    paper = guarded(**guard)
    paper.users[1, "one"] = replace(paper.users[1, "one"], location="FR")
    assert reason_of(paper.authorize("c1", to=to, user="one")) is Refusal.FRAUD_LIMIT
    assert paper.blocks == []


def test_one_call_too_many_at_once_blocks_the_user_and_ended_calls_count_no_more() -> None:
    paper = guarded(concurrent_calls=2)
    for name in ("c1", "c2"):
        granted(paper.authorize(name, to=US, user="one"))
    paper.settle("c1", 60)
    granted(paper.authorize("c3", to=US, user="one"))
    assert reason_of(paper.authorize("c4", to=US, user="one")) is Refusal.FRAUD_LIMIT
    assert [(block.user_id, block.reason) for block in paper.blocks] == [("usr_1", "concurrent_calls")]
    assert reason_of(paper.authorize("c5", to=US, user="one")) is Refusal.USER_BLOCKED


def test_in_one_batch_the_counters_are_exact() -> None:
    paper = guarded(concurrent_calls=3)
    answers = paper.run(*(paper.authorization(f"c{n}", to=US, user="one") for n in range(6)))
    reasons = [answer.reason for answer in answers if isinstance(answer, Refused)]
    assert reasons == [Refusal.FRAUD_LIMIT, Refusal.USER_BLOCKED, Refusal.USER_BLOCKED]


def test_spending_is_what_was_charged_in_the_window_and_is_held_and_would_be_held() -> None:
    paper = guarded(spend_per_hour=usd("1"))
    granted(paper.authorize("c1", to=US, user="one"))
    paper.settle("c1", 300)
    granted(paper.authorize("c2", to=US, user="one"))
    assert reason_of(paper.authorize("c3", to=US, user="one")) is Refusal.FRAUD_LIMIT


def test_what_is_exactly_an_hour_old_counts_no_more() -> None:
    paper = guarded(spend_per_hour=usd("1"))
    granted(paper.authorize("c1", to=US, user="one"))
    paper.settle("c1", 600)
    paper.later(3600)
    granted(paper.authorize("c2", to=US, user="one"))


def test_an_extension_counts_as_held() -> None:
    paper = guarded(spend_per_day=usd("1"))
    granted(paper.authorize("c1", to=US, user="one"))
    paper.extend("c1", 300)
    assert reason_of(paper.authorize("c2", to=US, user="one")) is Refusal.FRAUD_LIMIT


def test_pool_minutes_are_no_spending() -> None:
    paper = guarded(spend_per_hour=0)
    assert conference(paper).minutes == 5
    assert reason_of(paper.authorize("c2", to=US, user="one")) is Refusal.FRAUD_LIMIT


def test_new_countries_of_a_day_are_counted_and_old_ones_are_not() -> None:
    paper = guarded(new_destinations_per_day=2)
    for name, to in (("c1", US), ("c2", UK), ("c3", UK)):
        granted(paper.authorize(name, to=to, user="one"))
    assert reason_of(paper.authorize("c4", to=FRANCE, user="one")) is Refusal.FRAUD_LIMIT


def test_another_day_begins_anew() -> None:
    paper = guarded(new_destinations_per_day=1)
    granted(paper.authorize("c1", to=UK, user="one"))
    paper.later(86_400)
    granted(paper.authorize("c2", to=FRANCE, user="one"))
    granted(paper.authorize("c3", to=UK, user="one"))


def test_the_longest_call_cuts_the_grant_and_blocks_nobody() -> None:
    paper = guarded(call_seconds=120)
    answer = granted(paper.authorize("c1", to=US, user="one"))
    assert (answer.seconds, answer.final) == (120, True)
    assert extended(paper.extend("c1", 120)).seconds == 120
    assert paper.blocks == []


def test_own_carrier_and_emergency_calls_are_not_counted() -> None:
    paper = guarded(concurrent_calls=0, international=False)
    assert granted(paper.authorize("c1", call_type=CallType.DR_OUT, to=FRANCE, user="one")).payer is NOBODY
    assert granted(paper.authorize("c2", to="911", user="one")).emergency


# ------------------------------------------------------------------------------------------- after the fact


def test_a_record_takes_the_minutes_of_the_month_in_which_it_began() -> None:
    paper = pooled(60)
    asked: dict[str, Any] = {"call_type": CallType.CONF_OUT, "to": FRANCE, "user": "one"}
    answer = ended(paper.record("c1", 100, paper.now - 20 * 86_400 * SECOND, **asked))
    assert (answer.settled.pool_minutes, answer.settled.charge) == (2, 0)
    assert [key[2] for key in paper.pool_months] == ["2031-02"]


def test_a_record_longer_than_its_pool_is_split_too() -> None:
    paper = pooled(3)
    asked: dict[str, Any] = {"call_type": CallType.CONF_OUT, "to": FRANCE, "user": "one"}
    answer = ended(paper.record("c1", 300, **asked)).settled
    assert (answer.pool_minutes, answer.charge, len(answer.rows)) == (3, usd("0.2"), 2)


def test_what_the_rules_would_have_refused_is_a_shortfall_as_a_whole() -> None:
    paper = pooled(60, licences=PP)
    asked: dict[str, Any] = {"call_type": CallType.CONF_OUT, "to": FRANCE, "user": "one"}
    answer = ended(paper.record("c1", 60, **asked))
    assert (answer.refused, answer.settled.shortfall, answer.settled.rows) == (NO_LICENCE, usd("0.1"), ())
