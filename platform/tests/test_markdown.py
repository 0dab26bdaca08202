from __future__ import annotations

import pytest

from isthmus_platform.markdown import grid, literal


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b *c* `d`", r"a\_b \*c\* \`d\`"),
        ("<b> & | [x](y)", r"&lt;b&gt; &amp; \| \[x\](y)"),
        ("two\nlines\n\nand more", "two lines and more"),
        ("- no item", r"\- no item"),
        ("1. no item", r"1\. no item"),
        ("plain text, 1.5", "plain text, 1.5"),
    ],
)
def test_no_character_is_markup(text: str, escaped: str) -> None:
    assert literal(text) == escaped


def test_a_table_escapes_its_cells() -> None:
    assert grid(("a", "b"), [("x|y", "z")]) == "| a | b |\n| --- | --- |\n| x\\|y | z |"


def test_a_table_without_rows_says_so() -> None:
    assert grid(("a",), []) == "None."
