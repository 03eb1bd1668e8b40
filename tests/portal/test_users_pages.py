"""Users, their licences and the file they come in, as an administrator meets them."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest

from talktime.core.policies import Policy
from talktime.portal.users.policies import CALLS, MEETINGS, POLICIES, halves
from tests.portal.client import PortalWorld, Reader, Shown
from tests.web.client import Organization

LIST, NEW, LICENCES, IMPORT = "/users/list", "/users/new", "/users/licences", "/users/import"
ASSIGN, QUANTITIES = f"{LICENCES}/assign", f"{LICENCES}/quantities"
HEADER = "name,sign_in_name,usage_location,number\n"


@pytest.fixture
def org(portal: PortalWorld) -> Organization:
    made = portal.world.organization(language="lv")
    made.api.put("/v1/licences", {"MCOEV": None, "MCOPSTN1": 2, "MCOMEETADD": 1})
    return made


@pytest.fixture
def admin(portal: PortalWorld, org: Organization) -> Reader:
    return portal.as_role(org, "user_administrator", name="Uma Usher")


def user(org: Organization, name: str, **fields: Any) -> str:
    body = {"name": name, "sign_in_name": f"{name.split()[0].lower()}@example.com", **fields}
    made = org.user(**body)
    assert made.status == 201, made.content
    return f"/users/{made.json['id']}"


def told(org: Organization, page: str) -> Any:
    return org.api.get(f"/v1{page}").json


def names(page: Shown) -> list[str]:
    return [name for name in ("Amy Archer", "Ben Baker", "Hotline") if name in page.words]


# ---------------------------------------------------------------- the list


def test_without_users_the_list_says_what_to_do(admin: Reader) -> None:
    page = admin.get(admin.get("/users").to)
    assert page.title == "Users and accounts"
    assert "No users yet" in page.words
    assert {NEW, IMPORT} <= set(page.links)


def test_users_are_searched_and_filtered(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer", number="+12025550117")
    user(org, "Ben Baker", usage_location="GB")
    user(org, "Hotline", kind="resource_account")
    org.api.post(f"/v1{ann}/block", {"reason": "Left the company"})
    org.api.put(f"/v1{ann}/licences", ["MCOEV"])
    assert names(admin.get(LIST)) == ["Amy Archer", "Ben Baker", "Hotline"]
    assert "+1 202 555 0117" in admin.get(LIST).words
    assert [names(admin.get(f"{LIST}?q={part}")) for part in ("0117", "202+555", "%2B1+202")] == [["Amy Archer"]] * 3
    assert names(admin.get(f"{LIST}?kind=resource_account")) == ["Hotline"]
    assert names(admin.get(f"{LIST}?licence=MCOEV")) == ["Amy Archer"]
    assert names(admin.get(f"{LIST}?blocked=false")) == ["Ben Baker", "Hotline"]
    assert names(admin.get(f"{LIST}?location=GB&kind=person")) == ["Ben Baker"]
    nobody = admin.get(f"{LIST}?q=Zoe")
    assert "Nobody fits" in nobody.words
    assert LIST in nobody.links


def test_a_long_list_has_pages_that_keep_the_filter(admin: Reader, org: Organization) -> None:
    for number in range(51):
        user(org, f"Person{number:02}")
    first = admin.get(f"{LIST}?q=person")
    [following] = [link for link in first.links if "cursor=" in link]
    assert "q=person" in following
    assert "Person50" not in first.words
    second = admin.get(following)
    assert "Person50" in second.words
    assert f"{LIST}?q=person" in second.links


def test_the_file_of_all_users_can_be_downloaded(admin: Reader, org: Organization) -> None:
    user(org, "Amy Archer")
    file = admin.get("/users/users.csv")
    assert file.headers["content-type"].startswith("text/csv")
    [ann] = csv.DictReader(StringIO(file.content.decode()))
    assert ann["sign_in_name"] == "amy@example.com"


# ---------------------------------------------------------------- one user


def test_a_user_is_added_with_what_the_organization_usually_has(admin: Reader, org: Organization) -> None:
    fields = admin.get(NEW).form(NEW).values
    assert (fields["usage_location"], fields["language"], fields["kind"]) == ("US", "lv", "person")
    done = admin.submit(NEW, NEW, name="Amy Archer", sign_in_name="amy@example.com", number="+1 (202) 555-0117")
    made = told(org, done.to.partition("?")[0])
    assert (made["name"], made["number"], made["language"]) == ("Amy Archer", "+12025550117", "lv")
    page = admin.get(done.to)
    assert (page.title, page.status) == ("Amy Archer", 200)
    assert "The user is added." in page.words


def test_pressed_twice_it_is_one_user(admin: Reader, org: Organization) -> None:
    values = admin.get(NEW).form(NEW).values | {"name": "Amy Archer", "sign_in_name": "amy@example.com"}
    assert len({admin.send(NEW, values).to for _ in range(2)}) == 1


def test_everything_that_is_wrong_is_said_at_once_and_kept_in_the_fields(admin: Reader, org: Organization) -> None:
    refused = admin.submit(NEW, NEW, sign_in_name="amy@example.com", number="12")
    assert (refused.status, len(refused.errors)) == (422, 2)
    assert refused.form(NEW).values["sign_in_name"] == "amy@example.com"
    assert org.api.get("/v1/users").json["data"] == []


def test_a_sign_in_name_belongs_to_one_user(admin: Reader, org: Organization) -> None:
    user(org, "Amy Archer")
    refused = admin.submit(NEW, NEW, name="Another", sign_in_name="amy@example.com")
    assert refused.errors == ["Somebody or something else has this already."]
    # Another try is another request.
    values = refused.form(NEW).values | {"sign_in_name": "another@example.com"}
    assert admin.send(NEW, values).status == 303


def test_a_user_is_changed(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer")
    done = admin.submit(ann, ann, name="Amy Baker", usage_location="GB", number="+442079460100", language="ru")
    assert done.to == f"{ann}?said=saved"
    changed = told(org, ann)
    assert [changed[name] for name in ("name", "usage_location", "number", "language")] == [
        *("Amy Baker", "GB", "+442079460100", "ru")
    ]
    refused = admin.submit(ann, ann, name="", number="5")
    assert (refused.status, len(refused.errors), refused.title) == (422, 2, "Amy Baker")
    assert refused.form(ann).values["number"] == "5"


def test_the_page_says_what_the_licences_allow(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer")
    org.api.put(f"/v1{ann}/licences", ["MCOPSTN1"])
    assert "Needs Phone System beside Domestic Calling Plan." in admin.get(ann).words
    org.api.put(f"/v1{ann}/licences", ["MCOPSTN1", "MCOEV", "MCOPSTNPP"])
    page = admin.get(ann)
    assert "Own calls Domestic Calling Plan" in page.words
    assert "Communication credits pay" in page.words
    assert "Needs an Audio Conferencing licence." in page.words


def test_licences_are_given_as_long_as_there_are_some(admin: Reader, org: Organization) -> None:
    ann, ben = user(org, "Amy Archer"), user(org, "Ben Baker")
    done = admin.submit(ann, f"{ann}/licences", licences=["MCOMEETADD", "MCOPSTNPP"])
    assert done.to == f"{ann}?said=saved"
    assert told(org, ann)["licences"] == ["MCOMEETADD", "MCOPSTNPP"]
    page = admin.get(ben)
    assert "None left" in page.words
    refused = admin.submit(ben, f"{ben}/licences", licences=["MCOMEETADD"])
    assert refused.errors == ["No licence of this kind is left: buy more first."]
    assert 'id="MCOMEETADD-error"' in refused.html
    assert told(org, ben)["licences"] == []
    admin.submit(ann, f"{ann}/licences", licences=None)
    assert told(org, ann)["licences"] == []


def test_each_of_the_twelve_policies_can_be_chosen(admin: Reader, org: Organization) -> None:
    assert sorted(POLICIES.values()) == sorted(Policy)
    assert set(POLICIES) == {(meetings, calls) for meetings in MEETINGS for calls in CALLS}
    assert halves(Policy.CPC_AND_PSTN_DOMESTIC) == ("Domestic", "Domestic")
    ann = user(org, "Amy Archer")
    own = {"policy": "own", "meetings": "ZoneA", "calls": "Disabled"}
    assert admin.submit(ann, f"{ann}/policy", **own).to == f"{ann}?said=saved"
    assert told(org, ann)["policy"] == Policy.CPC_ZONE_A_PSTN_DISABLED
    shown = admin.get(ann).form(f"{ann}/policy").values
    assert own.items() <= shown.items()
    admin.submit(ann, f"{ann}/policy", policy="")
    assert told(org, ann)["policy"] is None
    assert admin.submit(ann, f"{ann}/policy", **own | {"calls": "Sometimes"}).status == 422


def test_a_user_is_blocked_with_a_reason_and_may_call_again(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer")
    refused = admin.submit(ann, f"{ann}/block")
    assert (refused.status, refused.errors) == (422, ["This is needed."])
    admin.submit(ann, f"{ann}/block", reason="Phone was lost")
    page = admin.get(ann)
    assert told(org, ann)["block_reason"] == "Phone was lost"
    assert "Blocked since" in page.words
    assert "Reason: Phone was lost" in page.words
    assert admin.submit(ann, f"{ann}/unblock").to == f"{ann}?said=unblocked"
    page = admin.get(ann)
    assert not told(org, ann)["blocked"]
    assert page.words.index("Unblocked Phone was lost") < page.words.index(" Blocked Phone was lost")
    assert page.words.count("by Uma Usher") == 2


def test_the_reason_of_the_fraud_guard_is_told_in_words(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer")
    org.api.post(f"/v1{ann}/block", {"reason": "spend_per_day"})
    words = admin.get(ann).words
    assert "The user has spent what the fraud guard allows in a day" in words
    assert "spend_per_day" not in words


def test_a_user_is_removed_after_a_question(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer")
    assert f"{ann}/remove" in admin.get(ann).links
    question = admin.get(f"{ann}/remove")
    assert question.title == "Remove Amy Archer?"
    assert told(org, ann)["name"] == "Amy Archer"
    assert admin.submit(f"{ann}/remove", f"{ann}/remove").to == f"{LIST}?said=user-removed"
    assert admin.get(ann).status == 404


def test_users_of_others_are_nobody(admin: Reader, portal: PortalWorld, org: Organization) -> None:
    stranger = user(portal.world.organization(), "Amy Archer")
    ours = user(org, "Ben Baker")
    token = admin.get(ours).form(ours).values["token"]
    assert admin.get(stranger).status == 404
    assert admin.send(f"{stranger}/block", {"token": token, "reason": "x"}).status == 404
    assert admin.get(f"/users/{quote('../balance', safe='')}").status == 404


# ---------------------------------------------------------------- licences


def test_licences_tell_what_is_bought_given_and_left(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer")
    org.api.put(f"/v1{ann}/licences", ["MCOPSTN1", "MCOPSTNPP"])
    page = admin.get(LICENCES)
    assert "Domestic Calling Plan MCOPSTN1 2 1 have Domestic Calling Plan 1 left" in page.words
    assert "Communications Credits MCOPSTNPP Any number" in page.words
    assert f"{LIST}?licence=MCOPSTN1" in page.links


def test_quantities_are_changed_and_others_stay(admin: Reader, org: Organization) -> None:
    assert admin.get(QUANTITIES).form(QUANTITIES).values["MCOPSTN1"] == "2"
    admin.submit(QUANTITIES, QUANTITIES, MCOPSTN1="", MCOMEETADD="7")
    bought = {one["code"]: one["purchased"] for one in org.api.get("/v1/licences").json["data"]}
    assert bought == {"MCOEV": None, "MCOPSTN1": None, "MCOMEETADD": 7, "MCOPSTNPP": None}
    refused = admin.submit(QUANTITIES, QUANTITIES, MCOMEETADD="many", MCOPSTN2="-1", MCOEV="3")
    assert (refused.status, len(refused.errors)) == (422, 2)
    assert refused.form(QUANTITIES).values["MCOEV"] == "3"
    assert org.api.get("/v1/licences").json["data"][0]["purchased"] is None


def test_more_given_than_bought_is_pointed_out(admin: Reader, org: Organization) -> None:
    ann, ben = user(org, "Amy Archer"), user(org, "Ben Baker")
    for one in (ann, ben):
        org.api.put(f"/v1{one}/licences", ["MCOPSTN1"])
    admin.submit(QUANTITIES, QUANTITIES, MCOPSTN1="1")
    page = admin.get(LICENCES)
    assert "More are given than there are of one licence" in page.words
    assert "1 too many" in page.words


def test_licences_go_to_users_chosen_in_the_list(admin: Reader, org: Organization) -> None:
    ann, ben = user(org, "Amy Archer"), user(org, "Ben Baker")
    chosen = admin.get(LIST).form(ASSIGN)
    assert (chosen.method, len(chosen.choices["user"])) == ("get", 2)
    page = f"{ASSIGN}?user={chosen.choices['user'][0]}&user={chosen.choices['user'][1]}"
    assert admin.get(page).form(ASSIGN).values["users"] == "amy@example.com\nben@example.com"
    assert admin.submit(page, ASSIGN, MCOEV="give", MCOPSTN1="give").to == f"{LICENCES}?said=assigned"
    assert [told(org, one)["licences"] for one in (ann, ben)] == [["MCOEV", "MCOPSTN1"]] * 2
    org.api.patch(f"/v1{ann}", {"number": "+12025550117"})
    admin.submit(ASSIGN, ASSIGN, users="+1 202 555 0117", MCOEV="take")
    assert told(org, ann)["licences"] == ["MCOPSTN1"]


def test_a_pasted_list_may_have_commas_and_everybody_unknown_is_named(admin: Reader, org: Organization) -> None:
    ann = user(org, "Amy Archer")
    refused = admin.submit(ASSIGN, ASSIGN, users="amy@example.com, zoe@example.com; yan@example.com", MCOEV="give")
    assert refused.errors == ["Nobody is known by these names: zoe@example.com, yan@example.com."]
    assert told(org, ann)["licences"] == []
    strangers = "\n".join(f"nobody{number}@example.com" for number in range(12))
    refused = admin.submit(ASSIGN, ASSIGN, users=strangers, MCOEV="give")
    assert "nobody9@example.com, and 2 more." in refused.errors[0]


def test_what_is_missing_is_said_beside_its_field(admin: Reader, org: Organization) -> None:
    refused = admin.submit(ASSIGN, ASSIGN)
    assert (refused.status, len(refused.errors)) == (422, 2)
    many = "\n".join(f"nobody{number}" for number in range(1001))
    assert admin.submit(ASSIGN, ASSIGN, users=many, MCOEV="give").errors == ["At most 1000 users at once."]


def test_too_few_licences_are_given_to_nobody(admin: Reader, org: Organization) -> None:
    ann, ben = user(org, "Amy Archer"), user(org, "Ben Baker")
    refused = admin.submit(ASSIGN, ASSIGN, users="amy@example.com\nben@example.com", MCOMEETADD="give")
    assert refused.errors == ["No licence of this kind is left: buy more first."]
    assert refused.form(ASSIGN).values["MCOMEETADD"] == "give"
    assert [told(org, one)["licences"] for one in (ann, ben)] == [[], []]


# ---------------------------------------------------------------- a file


def test_a_file_is_looked_at_first_and_then_taken(admin: Reader, org: Organization) -> None:
    ann, _ = user(org, "Amy Archer"), user(org, "Ben Baker")
    lines = "Amy Baker,amy@example.com,GB,\nBen Baker,ben@example.com,US,\nZoë Zhu,zoe@example.com,LV,+12025550117\n"
    seen = admin.upload(IMPORT, IMPORT, "file", (HEADER + lines).encode())
    assert "Added 1 Changed 1 As they were 1" in seen.words
    assert "Amy Baker amy@example.com Name, Usage location Changed" in seen.words
    assert "Zoë Zhu zoe@example.com New" in seen.words
    assert told(org, ann)["name"] == "Amy Archer"
    done = admin.send(f"{IMPORT}/take", seen.form(f"{IMPORT}/take").values)
    assert done.to == f"{LIST}?said=imported"
    assert (told(org, ann)["name"], told(org, ann)["usage_location"]) == ("Amy Baker", "GB")
    assert "Zoë Zhu" in admin.get(LIST).words


def test_every_bad_line_is_told_with_what_stands_in_it(admin: Reader, org: Organization) -> None:
    lines = "Ann,amy@example.com,XX,\n,ben@example.com,US,12\n"
    refused = admin.upload(IMPORT, IMPORT, "file", (HEADER + lines).encode())
    assert (refused.status, refused.title) == (422, "Import users")
    assert "Line 2 usage_location XX This is no country code" in refused.words
    assert "Line 3 name This must not be empty." in refused.words
    assert org.api.get("/v1/users").json["data"] == []


def test_what_only_the_organization_can_know_is_told_by_line_as_well(admin: Reader, org: Organization) -> None:
    lines = "Ann,amy@example.com,US,MCOMEETADD\nBen,ben@example.com,US,MCOMEETADD NONE\n"
    refused = admin.upload(IMPORT, IMPORT, "file", f"name,sign_in_name,usage_location,licences\n{lines}".encode())
    assert "Line 3 licences MCOMEETADD NONE There is no such licence." in refused.words


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name,size\nAnn,5\n", "There is no such column."),
        (b"name,sign_in_name,usage_location\nAnn,amy@example.com\n", "The line has more or fewer columns"),
        (b"\xff\xfe\n", "This is no CSV file in UTF-8."),
        (b"  \n", "Choose a file that has something in it."),
        (b"", "Choose a file that has something in it."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(admin: Reader, content: bytes, said: str) -> None:
    refused = admin.upload(IMPORT, IMPORT, "file", content)
    assert refused.status == 422
    assert said in refused.words


def test_a_file_that_changes_nothing_is_not_offered_again(admin: Reader, org: Organization) -> None:
    user(org, "Amy Archer")
    seen = admin.upload(IMPORT, IMPORT, "file", admin.get("/users/users.csv").content)
    assert "there is nothing to do" in seen.words
    assert [form.action for form in seen.forms if form.action.startswith(IMPORT)] == []


def test_what_changed_since_the_preview_is_told(admin: Reader, org: Organization) -> None:
    line = "Ann,amy@example.com,US,+12025550117\n"
    seen = admin.upload(IMPORT, IMPORT, "file", (HEADER + line).encode())
    user(org, "Ben Baker", number="+12025550117")
    refused = admin.send(f"{IMPORT}/take", seen.form(f"{IMPORT}/take").values)
    assert refused.status == 422
    assert "Line 2 number +12025550117 Somebody or something else has this already." in refused.words


# ---------------------------------------------------------------- roles


def test_a_helpdesk_sees_users_and_changes_none(portal: PortalWorld, org: Organization) -> None:
    ann = user(org, "Amy Archer", number="+12025550117")
    helpdesk = portal.as_role(org, "helpdesk")
    pages = [helpdesk.get(path) for path in (LIST, ann, LICENCES)]
    assert [page.status for page in pages] == [200, 200, 200]
    changing = {NEW, IMPORT, ASSIGN, QUANTITIES, f"{ann}/remove"}
    assert [changing & set(page.links) for page in pages] == [set(), set(), set()]
    own = {form.action for page in pages for form in page.forms if form.method == "post"}
    assert not any(action.startswith("/users") for action in own)
    assert "+1 202 555 0117" in pages[1].words
    assert helpdesk.get(NEW).status == 403


def test_a_report_reader_does_not_see_users(portal: PortalWorld, org: Organization) -> None:
    assert portal.as_role(org, "report_reader").get(LIST).status == 403
