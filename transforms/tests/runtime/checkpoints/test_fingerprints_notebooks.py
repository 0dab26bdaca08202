"""Two runs of a notebook with one directory of checkpoints equal two runs without.

Each case is a notebook whose functions are in cells, and modules that it imports; see
`test_fingerprints_staleness.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow

Check = Callable[..., None]

CHANGES: dict[str, tuple[object, object, str]] = {
    "a constant": (1, 2, "RATE = <<1|2>>\n# cell\ndef made() -> int: return RATE"),
    "a constant that a later cell replaces": (
        *(1, 2),
        "RATE = 0\ndef made() -> int: return RATE\n# cell\nRATE = <<1|2>>",
    ),
    "a function that a later cell defines again": (
        *(1, 2),
        "def made() -> int: return 0\n# cell\ndef made() -> int: return <<1|2>>",
    ),
    "a helper that a later cell defines again": (
        *(1, 2),
        ("def _b(): return 0\ndef made() -> int: return _b()\n# cell\ndef _b(): return <<1|2>>"),
    ),
    "a class that a later cell defines again": (
        *(1, 2),
        (
            "class A:\n    rate = 0\ndef made() -> int: return A.rate\n"
            "# cell\nclass A:\n    rate = <<1|2>>"
        ),
    ),
    "a method that a later cell replaces": (
        *(1, 2),
        """
        class A:
            def go(self): return 0
        def made() -> int: return A().go()
        # cell
        def _go(self): return <<1|2>>
        A.go = _go
        """,
    ),
    "an attribute that a later cell sets": (
        *(1, 2),
        """
        class A:
            def __init__(self): self.rate = 0
        a = A()
        def made() -> int: return a.rate
        # cell
        a.rate = <<1|2>>
        """,
    ),
    "a default argument": (
        *(1, 2),
        "def _b(x=<<1|2>>): return x\n# cell\ndef made() -> int: return _b()",
    ),
    "a default argument that a later cell replaces": (
        *(1, 2),
        """
        def _b(x, *, y=0): return x + y
        def made() -> int: return _b(0)
        # cell
        _b.__kwdefaults__["y"] = <<1|2>>
        """,
    ),
    "a partial": (
        *(1, 2),
        """
        from functools import partial
        # cell
        _b = partial(max, <<1|2>>)
        # cell
        def made() -> int: return _b(0)
        """,
    ),
    "a lambda": (1, 2, "_f = [lambda: <<1|2>>]\n# cell\ndef made() -> int: return _f[0]()"),
    "code that a cell replaces": (
        *(1, 2),
        """
        def _b(): return 0
        def _c(): return <<1|2>>
        def made() -> int: return _b()
        # cell
        _b.__code__ = _c.__code__
        """,
    ),
    "what json.load returned from a helper": (
        *(1, 2),
        """
        import near
        rates = near.read()
        # cell
        def made() -> int: return rates["a"]
        # near.py
        import json
        from pathlib import Path
        def read(): return json.loads((Path(__file__).parent / "rates.json").read_text())
        # rates.json
        {"a": <<1|2>>}
        """,
    ),
    "a series": (
        *(1, 2),
        "s = pd.Series([<<1|2>>])\n# cell\ndef made() -> int: return int(s.sum())",
    ),
    "an array that a later cell writes into": (
        *(1, 2),
        "a = np.zeros(3)\ndef made() -> int: return int(a.sum())\n# cell\na[0] = <<1|2>>",
    ),
    "a frame that a later cell changes": (
        *(1, 2),
        """
        frame = pd.DataFrame({"a": [0]})
        def made() -> int: return int(frame["a"].sum())
        # cell
        frame["a"] += <<1|2>>
        """,
    ),
    "the categories of a frame without rows": (
        *(1, 2),
        """
        frame = pd.DataFrame({"k": pd.Categorical([], ["a"<<|, "b">>]), "x": []})
        # cell
        def made() -> int: return len(frame.groupby("k", observed=False).size())
        """,
    ),
    "a name in a query": (
        *(2, 1),
        (
            "CUT = <<1|2>>\n# cell\n"
            "def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query('a > @CUT'))"
        ),
    ),
    "a frame in SQL": (  # as DuckDB finds it
        *(1, 2),
        """
        from near import sql
        frame = pd.DataFrame({"a": [<<1|2>>]})
        # cell
        def made() -> int: return int(sql("select a from frame"))
        # near.py
        import sys
        def sql(text): return sys._getframe(1).f_globals[text.split()[-1]].loc[0, "a"]
        """,
    ),
    "a name in eval": (1, 2, "CUT = <<1|2>>\n# cell\ndef made() -> int: return eval('CUT')"),
    "a closure": (
        *(1, 2),
        """
        def _factory(n):
            def _inner(): return n
            return _inner
        # cell
        _b = _factory(<<1|2>>)
        # cell
        def made() -> int: return _b()
        """,
    ),
    "a decorator": (
        *(2, 3),
        """
        import functools
        def _more(f):
            @functools.wraps(f)
            def inner(): return f() + <<1|2>>
            return inner
        # cell
        @_more
        def _b(): return 1
        # cell
        def made() -> int: return _b()
        """,
    ),
    "a helper module": (
        *(1, 2),
        """
        from near import *
        # cell
        def made() -> int: return b()
        # near.py
        def b(): return <<1|2>>
        """,
    ),
    "a function of a helper module that a cell replaces": (
        *(1, 2),
        """
        import near
        def made() -> int: return near.go()
        # cell
        near.b = lambda: <<1|2>>
        # near.py
        def b(): return 0
        def go(): return b()
        """,
    ),
    "a helper module that is loaded again": (
        *(1, 2),
        """
        import near
        def made() -> int: return near.C
        # cell
        import importlib
        from pathlib import Path
        Path(near.__file__).write_text("C = <<1|2>>  # changed")
        near = importlib.reload(near)
        # near.py
        C = 0
        """,
    ),
    "an accessor": (
        *(1, 2),
        """
        @pd.api.extensions.register_dataframe_accessor("geo")
        class Geo:
            def __init__(self, frame): self._frame = frame
            def area(self): return <<1|2>>
        # cell
        def made() -> int: return pd.DataFrame().geo.area()
        """,
    ),
    "a patch of a library": (
        *(1, 2),
        """
        def _half(self): return <<1|2>>
        pd.Series.half = _half
        # cell
        def made() -> int: return pd.Series([5]).half()
        """,
    ),
    "an option": (
        *("0.1", "0.12"),
        """
        pd.set_option("display.precision", <<1|2>>)
        # cell
        def made() -> str: return pd.Series([0.123]).to_string(index=False).strip()
        """,
    ),
    "the decimal context": (
        *("0.3", "0.33"),
        """
        import decimal
        decimal.getcontext().prec = <<1|2>>
        # cell
        def made() -> str: return str(decimal.Decimal(1) / 3)
        """,
    ),
    "a node that several cells make": (
        *(3, 4),
        """
        def one() -> int: return <<1|2>>
        # cell
        def two(one: int) -> int: return one + 1
        # cell
        def made(two: int) -> int: return two + 1
        """,
    ),
}
SAME: dict[str, str] = {
    "cells that ran again": (
        "RATE = 1\n<<|# cell\nRATE = 1\n# cell\nNone\n>># cell\ndef made() -> int: return RATE"
    ),
    "another function": "def made() -> int: return 1\n# cell\n<<|def other() -> int: return 2>>",
    "another value": "def made() -> int: return 1\n# cell\nprice = <<1|2>>",
    "a comment": "# <<one|two>>\ndef made() -> int: return 1",
    "a docstring": 'def made() -> int:\n    """<<Made.|Is made.>>"""\n    return 1',
}
DOUBTS: dict[str, str] = {
    "a function that was called before, behind a cache": """
        import functools
        RATE = 1
        @functools.cache
        def _b(): return RATE
        # cell
        _b()
        RATE = 2
        # cell
        def made() -> int: return _b()
        """,
    "a counter": "n = 0\ndef made() -> int:\n    global n\n    n += 1\n    return 1",
    "a result of an earlier cell": (
        "rows = map(int, '11')\n# cell\ndef made() -> int: return next(rows)"
    ),
}


def _notebook(source: str) -> str:
    return f"# notebook\n{textwrap.dedent(source)}"


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_computed_anew_and_no_change_is_not(assert_change: Check, name: str) -> None:
    before, after, source = CHANGES[name]
    assert_change(before, after, _notebook(source))


@pytest.mark.parametrize("name", SAME)
def test_a_change_that_matters_not_keeps_the_result(assert_same: Check, name: str) -> None:
    assert_same(_notebook(SAME[name]))


@pytest.mark.parametrize("name", DOUBTS)
def test_a_doubt_is_computed_each_time_and_logged_once(assert_doubt: Check, name: str) -> None:
    assert_doubt(_notebook(DOUBTS[name]))
