from __future__ import annotations

import pytest

from talktime.core.catalogue import CATALOGUE, NOTHING, RIGHTS_KEPT, Catalogue
from talktime.core.licence_terms import CALLS, MEETINGS, Ability, Licence

ABILITIES = {
    Ability.CONFERENCING: "MCOMEETADD MCOMEETADV MCOMEETADD_DIALOUT_US ENTERPRISEPREMIUM",
    Ability.CONFERENCING_PER_MINUTE: "MCOMEETACPEA MCOMEETACPEA_GOV",
    Ability.CALLING: "MCOPSTN1 MCOPSTN2 MCOPSTN5 MCOPSTN6 MCOPSTN8 MCOPSTN9",
    Ability.CALLING_PER_MINUTE: "MCOPSTN_PAYG_1",
    Ability.CREDITS: "MCOPSTNPP",
    Ability.PHONE_SYSTEM: "MCOEV MCOEV_GOV MCOEV_VIRTUALUSER MCOEV_VIRTUALUSER_GOV ENTERPRISEPREMIUM",
}


@pytest.mark.parametrize(("ability", "codes"), ABILITIES.items())
def test_a_licence_enables(ability: Ability, codes: str) -> None:
    assert {one.code for one in CATALOGUE if ability in CATALOGUE.abilities([one.code])} == set(codes.split())


@pytest.mark.parametrize("code", ["MCOPSTNCAP", "MCOMEETADD_CN_GLOBAL", "MCOMEETADD_TATA", "NOBODY_KNOWS"])
def test_what_the_documents_leave_open_enables_nothing(code: str) -> None:
    assert CATALOGUE.abilities([code]) == frozenset()


@pytest.mark.parametrize(
    ("held", "meetings", "calls"),
    [
        ("", None, None),
        ("MCOMEETADD", "MCOMEETADD", None),
        ("MCOMEETADV", "MCOMEETADD", None),
        ("ENTERPRISEPREMIUM", "MCOMEETADD", None),
        ("MCOMEETACPEA_GOV", "MCOMEETACPEA", None),
        ("MCOMEETADD_DIALOUT_US MCOMEETACPEA MCOMEETADD", "MCOMEETADD", None),
        ("MCOMEETADD_DIALOUT_US MCOMEETACPEA", "MCOMEETACPEA", None),
        ("MCOMEETADD_DIALOUT_US", "MCOMEETADD_DIALOUT_US", None),
        ("MCOMEETACPEA ENTERPRISEPREMIUM", "MCOMEETADD", None),
        ("MCOPSTN_PAYG_1 MCOPSTN8 MCOPSTN6 MCOPSTN5 MCOPSTN9 MCOPSTN2 MCOPSTN1", None, "MCOPSTN1"),
        ("MCOPSTN_PAYG_1 MCOPSTN8 MCOPSTN6 MCOPSTN5 MCOPSTN9 MCOPSTN2", None, "MCOPSTN2"),
        ("MCOPSTN_PAYG_1 MCOPSTN8 MCOPSTN6 MCOPSTN5 MCOPSTN9", None, "MCOPSTN9"),
        ("MCOPSTN_PAYG_1 MCOPSTN8 MCOPSTN6 MCOPSTN5", None, "MCOPSTN5"),
        ("MCOPSTN_PAYG_1 MCOPSTN8 MCOPSTN6", None, "MCOPSTN6"),
        ("MCOPSTN_PAYG_1 MCOPSTN8", None, "MCOPSTN8"),
        ("MCOPSTN_PAYG_1", None, "MCOPSTN_PAYG_1"),
        ("MCOEV MCOPSTNPP", None, None),
        ("MCOPSTN1 MCOEV MCOPSTNPP ENTERPRISEPREMIUM", "MCOMEETADD", "MCOPSTN1"),
    ],
)
def test_one_licence_decides(held: str, meetings: str | None, calls: str | None) -> None:
    decided = [CATALOGUE.deciding(held.split(), abilities) for abilities in (MEETINGS, CALLS)]
    assert [licence and licence.code for licence in decided] == [meetings, calls]


def test_e5_includes_meetings_and_the_phone_system_but_not_credits() -> None:
    held = {licence.code for licence in CATALOGUE.held(["ENTERPRISEPREMIUM"])}
    assert held == {"ENTERPRISEPREMIUM", "MCOMEETADD", "MCOEV"}


def test_the_same_licence_under_two_names_is_held_once() -> None:
    held = CATALOGUE.held(["MCOMEETADV", "MCOMEETADD", "ENTERPRISEPREMIUM"])
    assert [licence.code for licence in held] == ["MCOMEETADD", "ENTERPRISEPREMIUM", "MCOEV"]


def test_an_operator_adds_licences_and_replaces_ours() -> None:
    mine = [
        Licence(code="HOUSE1", name="Ours", ability=Ability.CALLING, order=0),
        Licence(code="MCOPSTN1", name="Renamed"),
    ]
    catalogue = CATALOGUE.with_licences(mine)
    assert "HOUSE1" in catalogue
    assert "HOUSE1" not in CATALOGUE
    decided = catalogue.deciding(["MCOPSTN1", "MCOPSTN2", "HOUSE1"], CALLS)
    assert decided == mine[0]
    assert catalogue.deciding(["MCOPSTN1"], CALLS) is None


def test_what_stands_for_a_licence_that_is_not_there_means_nothing() -> None:
    assert Catalogue([Licence(code="SOLD", name="Ours", counts_as="GONE")]).held(["SOLD"]) == ()


def test_more_combinations_than_are_kept_are_answered_alike() -> None:
    catalogue = CATALOGUE.with_licences([])
    first = catalogue.rights(("MCOPSTN1",))
    assert all(catalogue.rights((f"NOBODY_{n}",)) == NOTHING for n in range(RIGHTS_KEPT + 1))
    assert catalogue.rights(("MCOPSTN1",)) == first != NOTHING
