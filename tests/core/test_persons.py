"""One person taken out of what is written down."""

from __future__ import annotations

import pytest

from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Call, CallState, Terms
from talktime.core.persons import ERASED, FORGOTTEN, Person, without_ends

NOW = 1_767_225_600_000_000
ANN = Person(["usr_ann"], ["Ann", "ann@example.com", "+12025550101"])
OTHER, TO = "+12025550102", "+442079460123"


def call(asked: Asked | None = None, terms: Terms | None = None) -> Call:
    return Call(1, "c1", CallState.SETTLED, NOW, asked=asked, terms=terms, cause="normal")


def test_a_document_that_is_none_is_a_text() -> None:
    assert ANN.out_of_document('{"name": "Ann', own=False) == '{"name": "erased'
    assert ANN.out_of_document("to ann@example.com", own=False) == "to erased"


def test_a_document_without_the_person_stays_as_it_is_written() -> None:
    text = '{ "to" : ["bob@example.com"], "note": "for Bob" }'
    assert ANN.out_of_document(text, own=False) == text


def test_a_name_is_the_persons_only_where_it_is_about_them() -> None:
    assert ANN.out_of_document('{"name": "Ann"}', own=False) == '{"name": "Ann"}'
    assert ANN.out_of_document('{"user": "usr_ann", "name": "Ann"}', own=False) == '{"user":"usr_ann","name":"erased"}'


def test_among_many_people_only_the_part_of_the_person_is_theirs() -> None:
    """Though somebody else has the same name."""
    text = '{"usr_ann":{"name":"Ann","number":"+12025550101"},"usr_two":{"name":"Ann","number":"+12025550102"}}'
    gone = '{"usr_ann":{"name":"erased","number":"erased"},"usr_two":{"name":"Ann","number":"+12025550102"}}'
    assert ANN.out_of_document(text, own=False) == gone


def test_of_a_call_of_ones_own_both_ends_go() -> None:
    asked = Asked(CallType.USER_OUT, TO, user="ann@example.com", from_="+12025550101", source="pbx/ann")
    gone = ANN.out_of_call(call(asked, Terms(user_id="usr_ann", caller="+12025550101")))
    assert gone.asked and gone.terms
    assert (gone.asked.to, gone.asked.from_, gone.asked.user, gone.asked.source) == (ERASED, ERASED, "usr_ann", None)
    assert (gone.terms.caller, gone.terms.user_id, gone.asked.sip_call_id) == (ERASED, "usr_ann", FORGOTTEN)


@pytest.mark.parametrize("terms", [None, Terms(user_id="usr_bob", caller=OTHER)])
def test_of_a_call_of_anothers_only_the_end_goes_that_one_was(terms: Terms | None) -> None:
    asked = Asked(CallType.USER_OUT, "+12025550101", user="bob@example.com", from_=OTHER, source="+12025550101")
    gone = ANN.out_of_call(call(asked, terms))
    assert gone.asked
    assert (gone.asked.to, gone.asked.from_, gone.asked.user) == (ERASED, OTHER, "bob@example.com")
    assert (gone.asked.source, gone.terms) == (ERASED, terms)


def test_a_call_of_which_only_the_end_was_heard_has_no_ends_to_forget() -> None:
    assert ANN.out_of_call(call()) == call()
    assert without_ends(call()).cause == FORGOTTEN


def test_a_caller_that_nobody_knew_is_forgotten_too() -> None:
    gone = without_ends(call(Asked(CallType.UCAP_IN, TO, user="x")))
    assert gone.asked
    assert (gone.asked.to, gone.asked.from_, gone.asked.user, gone.terms) == (ERASED, None, None, None)
