"""Answers of the engine as they are told outside, where no caller can bring them about at will."""

from __future__ import annotations

import pytest

from talktime.core.calls import Failed
from talktime.web.call_answers import outside
from talktime.web.call_forms import ReleaseForm
from talktime.web.problems import Problem


@pytest.mark.parametrize(
    ("answer", "status", "code", "headers"),
    [
        (Failed(busy=True), 503, "not_available", {"retry-after": "1"}),
        (Failed(), 422, "not_accepted", {}),
    ],
)
def test_who_was_only_in_the_way_of_another_is_told_to_ask_again(
    answer: Failed, status: int, code: str, headers: dict[str, str]
) -> None:
    with pytest.raises(Problem) as told:
        outside(ReleaseForm(call_id="c1"), answer)
    assert (told.value.status, told.value.code, told.value.headers) == (status, code, headers)
