"""Price lists: drafted as JSON or as a file, looked at, compared, published as a whole."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.web.client import Answer, Organization, World

PATH = "/v1/operator/price-lists"
ROW = {"prefix": "1", "per_minute": "0.12"}
LIST = {"currency": "USD", "charge_decimals": 2, "rows": [ROW]}
HEADER = "prefix,destination,per_minute,connection_fee,initial_seconds,step_seconds,kind\n"


def upload(world: World, text: str | bytes, **query: Any) -> Answer:
    asked = {"name": "Example", "currency": "USD", "charge_decimals": "3"} | query
    address = PATH + "?" + "&".join(f"{name}={value}" for name, value in asked.items())
    return world.operator.send("POST", address, text.encode() if isinstance(text, str) else text, kind="text/csv")


def price(org: Organization, to: str = "+12025550117") -> str:
    """Of a minute, as a call that begins now is told; or why there is none."""
    body = {"call_id": f"call-{uuid.uuid4()}", "call_type": "ucap_out", "user": org.caller(), "to": to}
    told = org.api.post("/v1/calls/authorize", body).json
    return str(told["rate"]["per_minute"] if told["decision"] == "granted" else told["reason"])


def test_a_list_is_a_draft_until_it_is_published(anywhere: World) -> None:
    made = anywhere.operator.post(PATH, LIST)
    assert made.status == 201
    assert made.json["published_at"] is None
    assert [(one["version"], one["state"], one["rows"]) for one in made.json["versions"]] == [(1, "draft", 1)]
    org = anywhere.organization(price_list=made.json["id"])
    org.grant("5")
    assert price(org) == "no_rate"
    published = anywhere.operator.post(f"{PATH}/{made.json['id']}/publish", {"at": "2020-01-01T00:00:00Z"}).json
    assert [one["state"] for one in published["versions"]] == ["published"]
    assert published["published_at"].startswith("2030-04-02T08:00:00")
    assert price(org) == "0.12"


def test_a_new_version_changes_no_price_before_its_publication(anywhere: World) -> None:
    list_id = anywhere.price_list()
    org = anywhere.organization(price_list=list_id)
    org.grant("5")
    drafted = anywhere.operator.put(f"{PATH}/{list_id}", {"rows": [ROW | {"per_minute": "0.24"}]})
    assert [one["state"] for one in drafted.json["versions"]] == ["published", "draft"]
    assert price(org) == "0.12"
    anywhere.operator.post(f"{PATH}/{list_id}/publish")
    assert price(org) == "0.24"


def test_a_version_may_be_published_for_later(world: World) -> None:
    list_id = world.price_list()
    org = world.organization(price_list=list_id)
    org.grant("5")
    world.operator.put(f"{PATH}/{list_id}", {"rows": [ROW | {"per_minute": "0.24"}]})
    later = world.operator.post(f"{PATH}/{list_id}/publish", {"at": "2030-04-03T08:00:00Z"}).json
    assert [one["state"] for one in later["versions"]] == ["published", "scheduled"]
    assert price(org) == "0.12"
    world.clock.pass_days(1)
    assert price(org) == "0.24"


def test_a_draft_replaces_the_draft_before(world: World) -> None:
    list_id = world.price_list()
    for amount in ("0.2", "0.3"):
        world.operator.put(f"{PATH}/{list_id}", {"rows": [ROW | {"per_minute": amount}]})
    versions = world.operator.get(f"{PATH}/{list_id}").json["versions"]
    assert [(one["version"], one["state"]) for one in versions] == [(1, "published"), (2, "draft")]
    rows = world.operator.get(f"{PATH}/{list_id}/rows", version=2).json["data"]
    assert [row["per_minute"] for row in rows] == ["0.3"]


def test_there_must_be_a_draft_to_publish_or_to_look_at(world: World) -> None:
    list_id = world.price_list()
    for answer in (world.operator.post(f"{PATH}/{list_id}/publish"), world.operator.get(f"{PATH}/{list_id}/preview")):
        assert (answer.status, answer.code) == (409, "no_draft")


def test_the_preview_tells_what_the_draft_would_change(anywhere: World) -> None:
    rows = [{"prefix": prefix, "per_minute": "0.1"} for prefix in ("1", "44", "49")]
    list_id = anywhere.price_list(*rows)
    draft = [rows[0], rows[1] | {"per_minute": "0.2"}, {"prefix": "33", "per_minute": "0.3"}]
    anywhere.operator.put(f"{PATH}/{list_id}", {"rows": draft})
    told = anywhere.operator.get(f"{PATH}/{list_id}/preview").json
    assert {name: [row["prefix"] for row in told[name]] for name in ("added", "removed", "changed")} == {
        "added": ["33"],
        "removed": ["49"],
        "changed": ["44"],
    }
    assert told["changed"][0]["per_minute"] == "0.2"


def test_all_of_a_first_draft_is_new(world: World) -> None:
    list_id = world.operator.post(PATH, LIST).json["id"]
    told = world.operator.get(f"{PATH}/{list_id}/preview").json
    assert [len(told[name]) for name in ("added", "removed", "changed")] == [1, 0, 0]


def test_two_lists_are_compared(world: World) -> None:
    one, other = (
        world.price_list(),
        world.operator.post(PATH, LIST | {"rows": [ROW | {"per_minute": "0.3"}]}).json["id"],
    )
    told = world.operator.get(f"{PATH}/{one}/compare", **{"with": other})
    changed = told.json["changed"][0]
    assert (changed["per_minute"], changed["old"]["per_minute"], changed["change_percent"]) == ("0.3", "0.12", "150")
    assert (changed["direction"], changed["fields"]) == ("dearer", ["per_minute"])
    unknown = world.operator.get(f"{PATH}/{one}/compare", **{"with": "prl_nobody"})
    assert (unknown.status, unknown.fields) == (422, ["with"])
    assert world.operator.get(f"{PATH}/{one}/compare").fields == ["with"]


def test_a_comparison_sums_up_what_changes(anywhere: World) -> None:
    rows = {"1": "0.1", "33": "0.2", "34": "0.4", "44": "0.3", "49": "0.5"}
    one: list[dict[str, Any]] = [
        {"prefix": prefix, "per_minute": amount, "destination": f"To {prefix}"} for prefix, amount in rows.items()
    ]
    other = [one[0], one[1] | {"per_minute": "0.205"}, one[2] | {"per_minute": "0.1"}]
    other += [one[3] | {"step_seconds": 6}, one[4] | {"prefix": "351", "destination": "To 351"}]
    lists = [anywhere.price_list(*lines) for lines in (one, other)]
    told = anywhere.operator.get(f"{PATH}/{lists[0]}/compare", **{"with": lists[1]}).json
    assert [(row["prefix"], row["change_percent"]) for row in told["changed"]] == [
        ("34", "-75"),
        ("33", "2.5"),
        ("44", "0"),
    ]
    summary = told["summary"]
    totals = {"dearer": 1, "cheaper": 1, "otherwise": 1, "unchanged": 1, "added": 1, "removed": 1}
    assert {name: summary[name] for name in totals} == totals
    assert summary["by_kind"]["outbound"] == totals
    assert set(summary["by_kind"]["conference"].values()) == {0}
    assert (summary["largest_rise_percent"], summary["largest_fall_percent"]) == ("2.5", "-75")
    assert (summary["destinations_added"], summary["destinations_removed"]) == (["To 351"], ["To 49"])


def test_a_row_has_much_by_itself(world: World) -> None:
    list_id = world.price_list()
    assert world.operator.get(f"{PATH}/{list_id}/rows").json["data"] == [
        {
            "prefix": "1",
            "destination": "",
            "per_minute": "0.12",
            "connection_fee": "0",
            "initial_seconds": 60,
            "step_seconds": 60,
            "kind": "outbound",
            "valid_from": None,
            "windows": [],
        }
    ]


def test_a_row_comes_out_as_it_went_in(world: World) -> None:
    window = {"days": "1-5", "from": "08:00", "to": "19:00", "per_minute": "0.2", "connection_fee": "0.05"}
    row = {
        "prefix": "44",
        "destination": "United Kingdom",
        "per_minute": "0.125",
        "connection_fee": "0.1",
        "initial_seconds": 30,
        "step_seconds": 6,
        "kind": "conference",
        "valid_from": "2031-01-01T00:00:00Z",
        "windows": [window, window | {"days": "6,7", "from": "22:00", "to": "24:00"}],
    }
    list_id = world.price_list(row)
    told = world.operator.get(f"{PATH}/{list_id}/rows").json["data"][0]
    assert told == row | {"windows": [window, window | {"days": "6-7", "from": "22:00", "to": "24:00"}]}


def test_the_rows_go_from_page_to_page(world: World) -> None:
    rows = [{"prefix": str(prefix), "per_minute": "0.1"} for prefix in (30, 31, 32)]
    path = f"{PATH}/{world.price_list(*rows)}/rows"
    page = world.operator.get(path, limit=2).json
    rest = world.operator.get(path, limit=2, cursor=page["next"]).json
    assert [row["prefix"] for row in page["data"] + rest["data"]] == ["30", "31", "32"]
    assert rest["next"] is None
    assert world.operator.get(path, version=7).status == 404


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"currency": "usd"}, "currency"),
        ({"charge_decimals": 7}, "charge_decimals"),
        ({"charge_decimals": "2"}, "charge_decimals"),
        ({"rows": []}, "rows"),
        ({"rows": [ROW | {"per_minute": 0.12}]}, "rows.per_minute"),
        ({"rows": [ROW, ROW | {"prefix": "2", "per_minute": "0.1x"}]}, "rows[1].per_minute"),
        ({"rows": [ROW | {"per_minute": "-1"}]}, "rows[0].per_minute"),
        ({"rows": [ROW | {"per_minute": "NaN"}]}, "rows[0].per_minute"),
        ({"rows": [ROW | {"connection_fee": "1e3"}]}, "rows[0].connection_fee"),
        ({"rows": [ROW | {"prefix": "+1"}]}, "rows[0].prefix"),
        ({"rows": [ROW | {"prefix": "1" * 16}]}, "rows[0].prefix"),
        ({"rows": [ROW | {"initial_seconds": 0}]}, "rows.initial_seconds"),
        ({"rows": [ROW | {"step_seconds": 86401}]}, "rows.step_seconds"),
        ({"rows": [ROW | {"kind": "dance"}]}, "rows.kind"),
        ({"rows": [ROW | {"valid_from": "2031-01-01"}]}, "rows.valid_from"),
        ({"rows": [ROW | {"surprise": 1}]}, "rows.surprise"),
        ({"rows": [ROW, ROW]}, "rows[1].prefix"),
    ],
)
def test_a_list_that_makes_no_sense_names_the_field(world: World, fields: dict[str, Any], field: str) -> None:
    refused = world.operator.post(PATH, LIST | fields)
    assert (refused.status, refused.fields) == (422, [field])
    assert world.operator.get(PATH).json["data"] == []


def test_a_file_is_a_list(anywhere: World) -> None:
    made = upload(anywhere, HEADER + "1,Example,0.125,0,60,60,outbound\n44,Example,0.2,0.05,60,1,outbound\n")
    assert (made.status, made.json["name"], made.json["charge_decimals"]) == (201, "Example", 3)
    rows = anywhere.operator.get(f"{PATH}/{made.json['id']}/rows").json["data"]
    assert [(row["prefix"], row["per_minute"], row["step_seconds"]) for row in rows] == [
        ("1", "0.125", 60),
        ("44", "0.2", 1),
    ]


def test_a_file_is_a_new_version(world: World) -> None:
    list_id = world.price_list()
    body = b"prefix,per_minute\n1,0.24\n"
    drafted = world.operator.send("PUT", f"{PATH}/{list_id}?charge_decimals=2&name=Other", body, kind="text/csv")
    assert (drafted.status, drafted.json["name"]) == (200, "Other")
    assert drafted.json["versions"][1]["charge_decimals"] == 2


def test_a_file_says_its_currency_in_the_address(world: World) -> None:
    for missing in ("currency", "charge_decimals"):
        asked = {"currency": "USD", "charge_decimals": "2"}
        del asked[missing]
        address = PATH + "?" + "&".join(f"{name}={value}" for name, value in asked.items())
        refused = world.operator.send("POST", address, b"prefix,per_minute\n1,0.1\n", kind="text/csv")
        assert (refused.status, refused.fields) == (422, [missing])


def test_each_bad_line_is_told_and_nothing_is_made(world: World) -> None:
    lines = ["prefix,per_minute", *(f"{prefix},0.1" for prefix in range(30, 40)), "40,0.1x", "41,0.1", "+42,0.1"]
    refused = upload(world, "\n".join(lines))
    assert (refused.status, refused.fields) == (422, ["lines[12].per_minute", "lines[14].prefix"])
    assert refused.json["errors"][0]["detail"].startswith("Line 12, per_minute: '0.1x'")
    assert world.operator.get(PATH).json["data"] == []


def test_a_bad_line_far_down_is_found(world: World) -> None:
    lines = ["prefix,per_minute", *(f"{prefix},0.1" for prefix in range(100_001, 200_000))]
    lines[70_000] = "170000,broken"
    refused = upload(world, "\n".join(lines))
    assert refused.fields == ["lines[70001].per_minute"]


def test_a_hundred_thousand_lines_are_a_list(world: World) -> None:
    made = upload(world, "prefix,per_minute\n" + "".join(f"{prefix},0.1\n" for prefix in range(100_000, 200_000)))
    assert (made.status, made.json["versions"][0]["rows"]) == (201, 100_000)


def test_a_file_is_at_most_ten_mebibytes(world: World) -> None:
    assert upload(world, b"x" * (10 << 20) + b"x").status == 413


@pytest.mark.parametrize("content", [b"", b"\n\n", b"prefix,per_minute\n", b"\xff\xfe", b"a,b\n1,2\n", b'"'])
def test_what_is_no_list_is_refused(world: World, content: bytes) -> None:
    assert upload(world, content).status == 422


def test_organizations_without_a_list_have_the_default_of_their_currency(anywhere: World) -> None:
    anywhere.price_list(default=True)
    org = anywhere.organization()
    org.grant("5")
    assert price(org) == "0.12"
    euros = anywhere.organization(currency="EUR")
    euros.grant("5")
    assert price(euros) == "no_rate"


def test_another_default_takes_over_when_it_has_prices(anywhere: World) -> None:
    first = anywhere.price_list(default=True)
    refused = anywhere.operator.post(PATH, LIST | {"default": True})
    assert (refused.status, refused.code) == (409, "not_published")
    second = anywhere.price_list(ROW | {"per_minute": "0.3"})
    org = anywhere.organization()
    org.grant("5")
    assert price(org) == "0.12"
    assert anywhere.operator.patch(f"{PATH}/{second}", {"default": True}).json["default"] is True
    assert anywhere.operator.get(f"{PATH}/{first}").json["default"] is False
    assert price(org) == "0.3"


def test_a_currency_may_be_without_a_default(world: World) -> None:
    list_id = world.price_list(default=True)
    assert world.operator.patch(f"{PATH}/{list_id}", {"default": False}).json["default"] is False
    org = world.organization()
    org.grant("5")
    assert price(org) == "no_rate"


def test_the_default_of_another_currency_stays(world: World) -> None:
    dollars = world.price_list(default=True)
    world.price_list(currency="EUR", default=True)
    assert world.operator.get(f"{PATH}/{dollars}").json["default"] is True


def test_the_currency_of_a_list_is_fixed(world: World) -> None:
    refused = world.operator.put(f"{PATH}/{world.price_list()}", LIST | {"currency": "EUR"})
    assert (refused.status, refused.fields) == (422, ["currency"])


def test_a_list_that_nobody_made_is_not_found(world: World) -> None:
    path = f"{PATH}/prl_nobody"
    answers = [
        world.operator.get(path),
        world.operator.put(path, LIST),
        world.operator.patch(path, {"name": "x"}),
        world.operator.get(f"{path}/rows"),
        world.operator.get(f"{path}/preview"),
        world.operator.get(f"{path}/compare", **{"with": "prl_nobody"}),
        world.operator.post(f"{path}/publish"),
    ]
    assert {answer.status for answer in answers} == {404}


def test_lists_go_from_page_to_page(world: World) -> None:
    made = [world.price_list() for _ in range(3)]
    page = world.operator.get(PATH, limit=2).json
    rest = world.operator.get(PATH, limit=2, cursor=page["next"]).json
    assert [one["id"] for one in page["data"] + rest["data"]] == made


def test_a_call_under_way_keeps_its_price(world: World) -> None:
    list_id = world.price_list()
    org = world.organization(price_list=list_id)
    org.grant("5")
    body = {"call_id": "c", "call_type": "ucap_out", "user": org.caller(), "to": "+12025550117"}
    org.api.post("/v1/calls/authorize", body)
    world.operator.put(f"{PATH}/{list_id}", {"rows": [ROW | {"per_minute": "0.24"}]})
    world.operator.post(f"{PATH}/{list_id}/publish")
    assert org.api.post("/v1/calls/settle", {"call_id": "c", "duration_seconds": 60}).json["charge"] == "0.12"


def test_a_new_installation_takes_illustrative_prices_at_once(anywhere: World) -> None:
    before = anywhere.price_list(default=True)
    made = anywhere.operator.post(f"{PATH}/illustrative", {"default": True, "publish": True})
    assert made.status == 201
    assert (made.json["name"], made.json["currency"]) == ("Illustrative world prices", "USD")
    assert [(one["state"], one["rows"] > 5_000) for one in made.json["versions"]] == [("published", True)]
    assert made.json["default"] is True
    assert anywhere.operator.get(f"{PATH}/{before}").json["default"] is False
    org = anywhere.organization()
    org.grant("50")
    assert price(org, "+447700900117") == "0.042"
    told = org.api.get("/v1/rates/lookup", call_type="user_out", to="+3725123456").json
    assert told["rate"]["destination"] == "Estonia, mobile"


def test_illustrative_prices_are_a_draft_unless_asked_otherwise(world: World) -> None:
    made = world.operator.post(f"{PATH}/illustrative", {"name": "To begin with"}).json
    assert (made["name"], made["default"], made["versions"][0]["state"]) == ("To begin with", False, "draft")


def test_illustrative_prices_are_in_dollars_only(world: World) -> None:
    refused = world.operator.post(f"{PATH}/illustrative", {"currency": "EUR"})
    assert (refused.status, refused.fields) == (422, ["currency"])
    assert "USD" in refused.json["detail"]
