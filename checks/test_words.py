"""No old name is left in code or documents, and loop variables say what they hold."""

from __future__ import annotations

from itertools import chain

import pytest
import words

NAMES = words.old_names()
TEXTS = dict(words.texts())


def test_no_old_name_is_left() -> None:
    assert len(TEXTS) > 100, "most files are read"
    assert list(chain(*(words.in_text(path, text, NAMES) for path, text in TEXTS.items()))) == []


def test_no_loop_variable_is_called_each() -> None:
    assert list(chain(*(words.loops(path, text) for path, text in TEXTS.items()))) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The spool is read.", "spool"),
        ("Spools are read.", "spools"),
        ("class SpoolReader:", "spool"),
        ("def test_a_spool_that_is_gone():", "spool"),
        ("from isthmus_platform.lake.takeover import survey", "takeover"),
        ("self._hand_on(results)", "hand_on"),
        ("raise DoubtError(name)", "DoubtError"),
        ("value = _to_plain(record)", "to_plain"),
        ("see `operators/telling.py`", "isthmus_platform/operators/telling"),
        (
            "from isthmus_platform.operators.telling import tell",
            "isthmus_platform/operators/telling",
        ),
        ("import isthmus_platform.opening", "isthmus_platform/opening"),
        ("`contracts/src/isthmus_contracts/picture.py`", "isthmus_contracts/picture"),
    ],
)
def test_a_seeded_old_name_is_found(text: str, name: str) -> None:
    found = list(words.in_text("docs/page.md", f"# Page\n\n{text}\n", NAMES))
    assert any(f"docs/page.md:3 has {name!r}; write " in sentence for sentence in found), found


def test_an_old_name_in_a_path_is_found() -> None:
    assert list(words.in_text("integration/liar.py", "", NAMES)) == [
        "the path integration/liar.py has 'liar'; write 'faulty_runner'"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Planets, sonnets and cabinets.",
        "familiar peculiar words",
        "an opening, a picture, the settings of an installation",
        "isthmus_platform.lake.releases.pointer and isthmus_platform/lake/validation/keys.py",
        "isthmus_contracts.tools.compatibility and isthmus_contracts/tools/odcs.py",
        "isthmus_platform.deployment.settings, local_airflow/settings.py",
        "told apart, carried out, within the interval, of the same origin",
    ],
)
def test_other_words_are_not(text: str) -> None:
    assert list(words.in_text("docs/page.md", text, NAMES)) == []


@pytest.mark.parametrize(
    "source",
    [
        "for each in things:\n    print(each)",
        "async def f():\n    async for each in things:\n        print(each)",
        "for name, each in things.items():\n    print(each)",
        "print([each for each in things])",
        "print(sum(1 for each in things))",
        "print({each: 1 for each in things})",
        "print({name: each for name, each in things})",
        "print(sorted(things, key=lambda each: each.name))",
    ],
)
def test_a_seeded_loop_is_found(source: str) -> None:
    (found,) = words.loops("checks/module.py", source)
    assert found.startswith("checks/module.py:")
    assert found.endswith(" calls a variable 'each'; say what it holds")


def test_other_loops_are_not() -> None:
    source = "for thing in each:\n    print([part for part in thing])\neach = 1\n"
    assert list(words.loops("checks/module.py", source)) == []
    assert list(words.loops("docs/page.md", "for each in this page")) == []
