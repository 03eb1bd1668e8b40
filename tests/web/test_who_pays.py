"""The table 5.1 of the charging rules over HTTP: each row with an organization of its own, set up as people do it."""

from __future__ import annotations

from typing import Any

from talktime.core.calls import Refusal
from talktime.core.usage import Payer
from tests.core.table_5_1 import BRIDGE, CONF, EMPTY, FRANCE, FREEPHONE, PP, TABLE, ZIMBABWE, Case
from tests.web.client import Answer, Organization, World

KINDS = ("outbound", "conference", "toll_free")


def priced(world: World) -> str:
    rows: list[dict[str, Any]] = [{"prefix": str(digit), "per_minute": "0.1"} for digit in range(1, 9)]
    rows += [{"prefix": "44", "per_minute": "0.02", "kind": kind} for kind in KINDS[1:]]
    return world.price_list(*rows)


def organization_of(world: World, case: Case, prices: str) -> Organization:
    account = "postpaid" if case.postpaid else "prepaid"
    about = {"country": case.country, "mode": "test", "billing_account": account, "price_list": prices}
    org = world.organization(**about)
    if case.set_up:
        assert org.grant("10").status == 201
        for number, kind in ((BRIDGE, "toll"), (FREEPHONE, "toll_free")):
            body = {"number": number, "type": kind, "serves": "conference"}
            assert org.api.post("/v1/numbers", body).status == 201
    return org


def user_of(org: Organization, case: Case) -> str:
    user = str(org.user(usage_location=case.home, number="+12025550199").json["id"])
    codes = case.licences.split()
    bought = {code: 1 for code in codes if code != PP}
    assert org.api.put("/v1/licences", bought).status == 200
    assert org.api.put(f"/v1/users/{user}/licences", codes).status == 200
    if case.pools is EMPTY:
        use_up(org, user)
    if case.policy:
        assert org.api.put(f"/v1/users/{user}/policy", {"policy": case.policy}).status == 200
    if case.blocked:
        assert org.api.post(f"/v1/users/{user}/block", {"reason": "Example"}).status == 200
    return user


def use_up(org: Organization, user: str) -> None:
    """Somebody has talked for all the minutes that there are."""
    for number, pool in enumerate(org.api.get("/v1/pools").json["data"]):
        meeting = pool["kind"] == "conference"
        asked = {"call_type": "conf_out" if meeting else "user_out", "to": "+12025550117", "user": user}
        talked = {"started_at": org.body["created_at"], "duration_seconds": 60 * pool["available"]}
        settled = org.api.post("/v1/calls/record", {"call_id": f"earlier{number}"} | asked | talked)
        assert settled.json["pool_minutes"] == pool["available"]


def told_of(world: World, case: Case, prices: str) -> str:
    org = organization_of(world, case, prices)
    user = user_of(org, case)
    if case.set_up and case.money == "0":
        assert org.adjust("-10").status == 201
    body = {"call_id": "c1", "call_type": case.call_type, "to": case.to, "user": user}
    return told(org.api.post("/v1/calls/authorize", body))


def told(answer: Answer) -> str:
    body = answer.json
    if body["decision"] == "refused":
        return str(body["reason"])
    return str(body["payers"][-1]["payer"]) if body["payers"] else Payer.NONE.value


def test_every_row_of_the_table_over_http(anywhere: World) -> None:
    prices = priced(anywhere)
    # Row 38: nobody can have a toll-free number before credits are set up, so these stay on paper.
    possible = [case for case in TABLE if case.set_up or case.to != FREEPHONE]
    found = [(case, told_of(anywhere, case, prices)) for case in possible]
    assert [(case, answer) for case, answer in found if answer != case.expected.value] == []


def test_the_story_of_a_call_shows_who_paid_and_why_another_was_refused(world: World) -> None:
    prices = priced(world)
    org = organization_of(world, Case(0, "", "", "", Payer.POOL), prices)
    user = user_of(org, Case(0, "", "", f"{CONF}", Payer.POOL))
    for call_id, to in (("paris", FRANCE), ("harare", ZIMBABWE)):
        org.api.post("/v1/calls/authorize", {"call_id": call_id, "call_type": "conf_out", "to": to, "user": user})
    paris, harare = (org.api.get(f"/v1/calls/{call_id}").json for call_id in ("paris", "harare"))
    assert paris["checks"][-1] == {"check": "pool_pays", "outcome": "pays"}
    assert (paris["pool"]["pool"], paris["pool"]["minutes"], paris["pool"]["gone_over"]) == (CONF, 5, False)
    assert harare["checks"][-1] == {"check": "has_credits_licence", "outcome": Refusal.NO_CREDITS_LICENCE.value}
    assert {"check": "pool_pays", "outcome": "no"} in harare["checks"]


def test_80_and_100_per_cent_of_a_pool_are_told_once(anywhere: World) -> None:
    org = organization_of(anywhere, Case(0, "", "", "", Payer.POOL), priced(anywhere))
    user = user_of(org, Case(0, "", "", f"{CONF}", Payer.POOL))
    for number, minutes in enumerate((40, 7, 1, 5, 7)):
        asked = {"call_id": f"c{number}", "call_type": "conf_out", "to": FRANCE, "user": user}
        talked = {"started_at": org.body["created_at"], "duration_seconds": 60 * minutes}
        assert org.api.post("/v1/calls/record", asked | talked).json["pool_minutes"] == minutes
    events = [row["event"] for row in org.api.get("/v1/notices").json["data"]]
    assert sorted(events) == ["pool_100_percent", "pool_80_percent"]


def test_who_breaks_a_limit_is_told_about_and_stands_in_the_report(anywhere: World) -> None:
    org = anywhere.organization(mode="test", price_list=priced(anywhere), limits={"fraud": {"concurrent_calls": 1}})
    org.grant("10")
    user = user_of(org, Case(0, "", "", f"MCOPSTN_PAYG_1 {PP}", Payer.CREDITS))
    body = {"call_type": "user_out", "to": "+12025550117", "user": user}
    decided = [told(org.api.post("/v1/calls/authorize", body | {"call_id": f"c{n}"})) for n in range(3)]
    assert decided == ["credits", "fraud_limit", "user_blocked"]
    assert [row["event"] for row in org.api.get("/v1/notices").json["data"]] == ["user_blocked"]
    told_about = org.api.get("/v1/reports/blocked-users").json["data"]
    assert [(row["user"]["id"], row["mode"], row["reason"]) for row in told_about] == [
        (user, "Blocked", "concurrent_calls")
    ]
    assert org.api.get(f"/v1/users/{user}").json["block_reason"] == "concurrent_calls"


def test_a_guard_that_was_off_for_a_while_counts_what_is_running_when_it_is_on_again(anywhere: World) -> None:
    org = anywhere.organization(mode="test", price_list=priced(anywhere), limits={"fraud": {"concurrent_calls": 2}})
    org.grant("10")
    user = user_of(org, Case(0, "", "", f"MCOPSTN_PAYG_1 {PP}", Payer.CREDITS))

    def decided(call_id: str) -> str:
        body = {"call_id": call_id, "call_type": "user_out", "to": "+12025550117", "user": user}
        return told(org.api.post("/v1/calls/authorize", body))

    def limit(calls: int | None) -> None:
        answer = anywhere.operator.patch(org.path, {"limits": {"fraud": {"concurrent_calls": calls}}})
        assert answer.status == 200

    assert decided("c1") == "credits"
    limit(None)
    assert [decided(call_id) for call_id in ("c2", "c3")] == ["credits", "credits"]
    limit(4)
    org.api.post("/v1/calls/release", {"call_id": "c1"})
    assert [decided(call_id) for call_id in ("c4", "c5", "c6")] == ["credits", "credits", "fraud_limit"]
