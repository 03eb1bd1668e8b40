"""What a call costs, and the price list."""

from __future__ import annotations

import csv
import io

import pytest

from talktime.actions import organizations
from talktime.core.knowledge import SHIPPED
from talktime.core.money import decimal
from talktime.core.organizations import Account
from talktime.core.price_lookup import Terms
from talktime.core.worked_examples import OUTGOING, Place, Way, worked
from talktime.reports import rates
from tests.portal.callers import Callers
from tests.portal.client import PortalWorld, Reader, number_of

RATES = "/rates"


@pytest.fixture
def callers(portal: PortalWorld) -> Callers:
    return Callers(portal.world)


@pytest.fixture
def reader(portal: PortalWorld, callers: Callers) -> Reader:
    return portal.as_role(callers.org, "report_reader")


def test_a_call_is_worked_out_for_each_usual_licence(reader: Reader) -> None:
    words = reader.get(f"{RATES}?home=US&to=%2B44+20+7946+0123").words
    assert "+44 20 7946 0123 United Kingdom Ordinary number Zone A" in words
    assert "A user with Pay-As-You-Go Credits pay. USD 0.02 60 s, then 60 s USD 0.02 USD 0.10 USD 0.20" in words
    assert "A user with the Domestic Calling Plan Credits pay." in words
    combined = (
        "A user with the Domestic and International Calling Plan The pool pays while it has minutes, then credits."
    )
    assert combined in words
    meeting = "A meeting with Audio Conferencing The pool pays while it has minutes, then credits. USD 0.03"
    assert meeting in words
    assert "5 min of the pool then USD 0.15" in words
    assert "without it such calls are refused." in words


def test_where_the_caller_lives_decides_about_his_plan(reader: Reader) -> None:
    at_home = reader.get(f"{RATES}?home=GB&to=%2B442079460123").words
    assert "A user with the Domestic Calling Plan The pool pays while it has minutes, then credits." in at_home


def test_what_cannot_be_called_says_why(reader: Reader) -> None:
    words = reader.get(f"{RATES}?to=%2B37167000123").words
    assert "A user with Pay-As-You-Go Refused: No published rate" in words
    combined = (
        "International Calling Plan The pool pays while it has minutes; then the call ends, as nobody else can pay."
    )
    assert combined in words


def test_calls_to_our_own_numbers_are_worked_out_as_incoming(callers: Callers, reader: Reader) -> None:
    for number, kind in (("+18005550199", "toll_free"), ("+12025550100", "toll")):
        body = {"number": number, "type": kind, "serves": "conference"}
        assert callers.org.api.post("/v1/numbers", body).status == 201
    free = reader.get(f"{RATES}?to=%2B18005550199").words
    assert "Your service number" in free
    assert "Into a meeting with Audio Conferencing Credits pay. USD 0.04" in free
    toll = reader.get(f"{RATES}?to=%2B12025550100").words
    assert "Into a meeting with Audio Conferencing Nobody has to pay." in toll


@pytest.mark.parametrize("way", OUTGOING, ids=lambda way: f"{way.call_type}-{way.licence}")
@pytest.mark.parametrize("number", ["+442079460123", "+12025550117", "+37167000123"])
def test_what_is_worked_out_is_what_happens(callers: Callers, number: str, way: Way) -> None:
    (told,) = worked(place_of(callers), number, [way], False)
    user = callers.person("Ann Archer", way.licence, "MCOEV", "MCOPSTNPP", usage_location="US")
    made = callers.ask("c1", user, number, call_type=way.call_type.value)
    if told.pool:
        assert made["payers"][0]["payer"] == "pool"
    elif told.refusal:
        assert made["reason"] == told.refusal
    else:
        assert [one["payer"] for one in made["payers"]] == [told.payer]
        assert callers.settle("c1", 300)["charge"] == decimal(dict(told.charges)[5])


def place_of(callers: Callers) -> Place:
    org_id, world = number_of(callers.org), callers.world
    org = world.app.database.read(org_id, organizations.found, org_id)
    current = world.app.database.read(org_id, rates.in_force, org, world.app.now())
    assert current
    account = Account(org.currency, [], country=org.country, policy=org.policy)
    return Place(account, "US", SHIPPED, Terms(current.rows, current.charge_decimals, "UTC"), world.app.now())


@pytest.mark.parametrize("entered", ["12", "07946", "%2B44abc", "%2B"])
def test_a_number_that_is_none_is_told_beside_its_field(reader: Reader, entered: str) -> None:
    page = reader.get(f"{RATES}?to={entered}")
    assert (page.status, page.errors) == (422, ["The number is no usable E.164 number."])
    assert "Price list" in page.words


@pytest.mark.parametrize(
    ("words", "there"),
    [("kingdom", ["44", "44"]), ("%2B1800", ["1", "1800"]), ("", ["1", "1800", "44", "44"]), ("atlantis", [])],
)
def test_the_price_list_is_searched_and_taken_away(reader: Reader, words: str, there: list[str]) -> None:
    file = reader.get(f"{RATES}/list.csv?q={words}")
    rows = list(csv.reader(io.StringIO(file.content.decode())))
    assert rows[0][:3] == ["prefix", "destination", "per_minute"]
    assert [row[0] for row in rows[1:]] == there
    page = reader.get(f"{RATES}?q={words}")
    assert ("No such destination" in page.words) == (not there)
    assert page.words.count("60 s, then 60 s") == len(there)


def test_a_long_list_has_pages(portal: PortalWorld) -> None:
    rows = [{"prefix": f"44{number}", "per_minute": "0.01", "destination": "Somewhere"} for number in range(100, 160)]
    org = portal.world.organization(price_list=portal.world.price_list(*rows))
    reader = portal.as_role(org, "helpdesk")
    page = reader.get(f"{RATES}?q=somewhere")
    (link,) = [one for one in page.links if "cursor=" in one]
    assert page.words.count("Somewhere") == 50
    assert reader.get(link).words.count("Somewhere") == 10


def test_before_a_price_list_is_published_the_page_says_so(portal: PortalWorld) -> None:
    page = portal.as_role(portal.world.organization(), "helpdesk").get(f"{RATES}?to=%2B442079460123")
    assert "No prices yet" in page.words
    assert "Refused: No published rate" in page.words
