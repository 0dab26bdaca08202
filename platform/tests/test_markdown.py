from __future__ import annotations

import re

import pytest

from isthmus_platform.markdown import grid, literal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain text, 3 words", "plain text, 3 words"),
        ("a_b*c`d", r"a\_b\*c\`d"),
        ("[x](y)", r"\[x\](y)"),
        ("a|b", r"a\|b"),
        ("# head", r"\# head"),
        ("<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"),
        ("two\nlines\t here ", "two lines here"),
        ("1. first", r"1\. first"),
        ("- item", r"\- item"),
        ("+1.5", r"\+1.5"),
        ("0.5", r"0\.5"),
        (r"back\slash", r"back\\slash"),
        ("~~gone~~", r"\~\~gone\~\~"),
        ("at https://evil.example/x", "at https:\u2060//evil.example/x"),
        ("WWW.evil.example", "WWW\u2060.evil.example"),
        ("me@evil.example", "me@\u2060evil.example"),
    ],
)
def test_a_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert literal(text) == shown


# What Airflow's page makes links of, in each text that it has parsed, escaped or not.
LINKS = re.compile(r"(https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(\.[-\w]+)+", re.IGNORECASE)


@pytest.mark.parametrize(
    "address", ["http://a.b", "HTTPS://a.b/c?d", "www.a.b", "Www.a.b", "a+b@c.d"]
)
@pytest.mark.parametrize("around", ["{}", "1.0.0+{}", "({})", "{}{}", "x:{}"])
def test_no_address_becomes_a_link(address: str, around: str) -> None:
    text = around.format(address, address)
    assert LINKS.search(text)
    assert not LINKS.search(literal(text))
    assert not LINKS.search(grid(("name",), [(text,)]))


def test_a_table_escapes_its_cells() -> None:
    assert grid(("name", "value"), [("a|b", "1"), ("<i>", "*")]) == (
        "| name | value |\n| --- | --- |\n| a\\|b | 1 |\n| &lt;i&gt; | \\* |"
    )


def test_a_table_without_rows_says_none() -> None:
    assert grid(("name",), []) == "None."
