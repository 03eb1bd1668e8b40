from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.tables import Prefixes

digits = st.text("123", max_size=5)
tables = st.dictionaries(digits.filter(bool), st.integers(), max_size=8)


@given(tables, digits)
def test_the_longest_prefix_counts(values: dict[str, int], number: str) -> None:
    matching = [prefix for prefix in values if number.startswith(prefix)]
    expected = values[max(matching, key=len)] if matching else None
    assert Prefixes(values).find(number) == expected


def test_false_is_a_value() -> None:
    assert Prefixes({"44": False, "4": True}).find("442") is False


def test_no_server_loads_the_library_of_numbers_for_our_tables() -> None:
    modules = "numbers, emergency, zones, catalogue, pools, pool_minutes, months, may_dial"
    program = f"from talktime.core import {modules}; import sys; print('phonenumbers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"False\n"
