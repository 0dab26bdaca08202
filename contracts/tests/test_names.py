from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import DeclarationError
from isthmus_contracts._names import check_name, check_unique


@pytest.mark.parametrize("name", ["a", "flight_delays", "x1", "a" * 63])
def test_a_plain_name_is_accepted(name: str) -> None:
    check_name("table", name)


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "_a", "a-b", "a.b", "a b", "a/b", "../a", "a\n", "é", "a٣", "a" * 64],
)
def test_a_name_that_fits_nowhere_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(f"table is named {name!r}; a name has")):
        check_name("table", name)


@given(st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True))
def test_every_accepted_name_is_a_python_identifier_or_keyword(name: str) -> None:
    check_name("node", name)
    assert name.isidentifier()
    assert name.isascii()


@given(st.text(max_size=70))
def test_any_text_is_accepted_or_a_declaration_error(name: str) -> None:
    try:
        check_name("node", name)
    except DeclarationError:
        return
    assert name == name.lower()
    assert 1 <= len(name) <= 63


def test_the_first_name_that_occurs_twice_is_reported() -> None:
    check_unique("column", [])
    check_unique("column", ["a", "b"])
    with pytest.raises(DeclarationError, match=r"^column 'b' is declared twice$"):
        check_unique("column", iter(["a", "b", "b", "c", "c"]))
