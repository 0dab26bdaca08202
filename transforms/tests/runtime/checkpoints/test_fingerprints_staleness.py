"""Two runs with one directory of checkpoints equal two runs without, whatever changed in between.

Each case is a module, and others after lines `# NAME.py`, with `<<before|after>>` where they
differ; `# cell` starts what a notebook runs after importing them. `conftest.py` runs each case in
fresh processes. Cases of notebooks, whose functions are in cells, have a module of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow

Check = Callable[..., None]

CHANGES: dict[str, tuple[object, object, str]] = {
    # Code.
    "the function": (1, 2, "def made() -> int: return <<1|2>>"),
    "a helper": (2, 3, "def _b(x): return x + <<1|2>>\ndef made() -> int: return _b(1)"),
    "a helper of a helper in a third module": (
        *(3, 4),
        """
        from near import b
        def made() -> int: return b(1)
        # near.py
        import far
        def b(x): return far.c(x) + 1
        # far.py
        def c(x): return x + <<1|2>>
        """,
    ),
    "a default argument": (1, 2, "def _b(x=<<1|2>>): return x\ndef made() -> int: return _b()"),
    "a default by keyword": (
        *(1, 2),
        "def _b(*, x=<<1|2>>): return x\ndef made() -> int: return _b()",
    ),
    "what a function has closed over": (
        *(1, 2),
        """
        def _factory(n):
            def _inner(): return n
            return _inner
        _B = _factory(<<1|2>>)
        def made() -> int: return _B()
        """,
    ),
    "a node that another function makes": (
        *(1, 2),
        """
        def _factory(n):
            def made() -> int: return n
            return made
        made = _factory(<<1|2>>)
        made.__module__ = __name__
        """,
    ),
    "a lambda": (1, 2, "_F = {1: lambda: <<1|2>>}\ndef made() -> int: return _F[1]()"),
    "a function in a list": (
        *(1, 2),
        "def _b(): return <<1|2>>\n_ALL = [_b]\ndef made() -> int: return sum(f() for f in _ALL)",
    ),
    "an argument of a partial": (
        *(4, 5),
        """
        from functools import partial
        def _b(x, y): return x + y
        _P = partial(_b, 3, y=<<1|2>>)
        def made() -> int: return _P()
        """,
    ),
    "a decorator": (
        *(2, 3),
        """
        import functools
        def _more(f):
            @functools.wraps(f)
            def inner(*given): return f(*given) + <<1|2>>
            return inner
        @_more
        def _b(x): return x
        def made() -> int: return _b(1)
        """,
    ),
    "a function behind a cache": (
        *(2, 3),
        """
        import functools
        @functools.cache
        def _b(x): return x + <<1|2>>
        def made() -> int: return _b(1)
        """,
    ),
    "one implementation of several": (
        *(1, 2),
        """
        import functools
        @functools.singledispatch
        def _area(x): return 0
        @_area.register
        def _(x: int): return <<1|2>>
        def made() -> int: return _area(1)
        """,
    ),
    "a nested function": (
        *(1, 2),
        "def made() -> int:\n    def inner(): return <<1|2>>\n    return inner()",
    ),
    "a comprehension": (3, 6, "def made() -> int: return sum([x * <<1|2>> for x in (1, 2)])"),
    "an import inside": (
        *(1, 2),
        """
        def made() -> int:
            from near import b
            return b()
        # near.py
        def b(): return <<1|2>>
        """,
    ),
    "a module imported inside": (
        *(1, 2),
        """
        def made() -> int:
            import parts.near
            return parts.near.b()
        # parts/__init__.py
        # parts/near.py
        from .far import C
        def b(): return C
        # parts/far.py
        C = <<1|2>>
        """,
    ),
    "a relative import inside": (
        *(1, 2),
        """
        from parts.near import b
        def made() -> int: return b()
        # parts/__init__.py
        # parts/near.py
        def b():
            from .far import C
            return C
        # parts/far.py
        C = <<1|2>>
        """,
    ),
    "a star import": (
        *(1, 2),
        "from near import *\ndef made() -> int: return b()\n# near.py\ndef b(): return <<1|2>>",
    ),
    "an attribute with a computed name": (
        *(1, 2),
        """
        import near
        def made() -> int: return getattr(near, 'b' + 'c')()
        # near.py
        from far import C
        def bc(): return C
        # far.py
        C = <<1|2>>
        """,
    ),
    "globals()": (1, 2, "B = <<1|2>>\ndef made() -> int: return globals()['B']"),
    "a registry that a decorator fills": (
        *(1, 2),
        """
        _ALL = {}
        def _keep(f):
            _ALL[f.__name__] = f
            return f
        @_keep
        def _one(): return <<1|2>>
        def made() -> int: return _ALL['_one']()
        """,
    ),
    "a function that replaces another": (
        *(1, 2),
        (
            "import near\nnear.b = lambda: <<1|2>>\ndef made() -> int: return near.b()\n"
            "# near.py\ndef b(): return 0"
        ),
    ),
    "an attribute of a function": (
        *(1, 2),
        "def _b(): return 1\n_b.rate = <<1|2>>\ndef made() -> int: return _b.rate",
    ),
    # Classes.
    "a method": (
        *(1, 2),
        "class _A:\n    def go(self): return <<1|2>>\ndef made() -> int: return _A().go()",
    ),
    "a base class": (
        *(1, 2),
        """
        class _A:
            def go(self): return <<1|2>>
        class _B(_A):
            one = 1
        def made() -> int: return _B().go()
        """,
    ),
    "an attribute of a class": (
        *(1, 2),
        "class _A:\n    rate = <<1|2>>\ndef made() -> int: return _A.rate",
    ),
    "a method beside a registry": (
        *(1, 2),
        """
        from types import MappingProxyType
        class _A:
            registry = MappingProxyType({"a": 1})
            def go(self): return <<1|2>>
        def made() -> int: return _A().go()
        """,
    ),
    "a property": (
        *(1, 2),
        """
        class _A:
            @property
            def rate(self): return <<1|2>>
        def made() -> int: return _A().rate
        """,
    ),
    "a class method": (
        *(1, 2),
        """
        class _A:
            @classmethod
            def rate(cls): return <<1|2>>
        def made() -> int: return _A.rate()
        """,
    ),
    "a static method": (
        *(1, 2),
        """
        class _A:
            @staticmethod
            def rate(): return <<1|2>>
        def made() -> int: return _A.rate()
        """,
    ),
    "a dataclass": (
        *(1, 2),
        """
        from dataclasses import dataclass, field
        @dataclass(frozen=True, slots=True)
        class _A:
            rate: int = <<1|2>>
            rest: list = field(default_factory=list)
        def made() -> int: return _A().rate
        """,
    ),
    "an enumeration": (
        *(1, 2),
        """
        from enum import Enum
        class _A(Enum):
            ONE = <<1|2>>
        def made() -> int: return _A.ONE.value
        """,
    ),
    "a named tuple": (
        *(1, 2),
        """
        from typing import NamedTuple
        class _A(NamedTuple):
            rate: int = <<1|2>>
        def made() -> int: return _A().rate
        """,
    ),
    "an object of a class": (
        *(1, 2),
        """
        class _A:
            def __init__(self, rate): self.rate = rate
            def __getstate__(self): return {}
        _THING = _A(<<1|2>>)
        def made() -> int: return _THING.rate
        """,
    ),
    "a method of an object": (
        *(1, 2),
        """
        class _A:
            def go(self): return <<1|2>>
        _GO = _A().go
        def made() -> int: return _GO()
        """,
    ),
    "an object that is called": (
        *(1, 2),
        """
        class _A:
            def __call__(self): return <<1|2>>
        _CALL = _A()
        def made() -> int: return _CALL()
        """,
    ),
    "a metaclass": (
        *(1, 2),
        """
        class _Meta(type):
            def rate(cls): return <<1|2>>
        class _A(metaclass=_Meta): pass
        def made() -> int: return _A.rate()
        """,
    ),
    "a cached property": (
        *(1, 2),
        """
        import functools
        class _A:
            @functools.cached_property
            def rate(self): return <<1|2>>
        def made() -> int: return _A().rate
        """,
    ),
    "a factory of a default": (
        *(1, 2),
        """
        import collections
        _ALL = collections.defaultdict(lambda: <<1|2>>)
        def made() -> int: return dict(_ALL).get("x", _ALL.default_factory())
        """,
    ),
    "a function that numpy vectorizes": (
        *(1, 2),
        """
        _B = np.vectorize(lambda x: x * <<1|2>>)
        def made() -> int: return int(_B(np.array([1]))[0])
        """,
    ),
    "an attribute of a namespace": (
        *(1, 2),
        "import types\n_N = types.SimpleNamespace(a=<<1|2>>)\ndef made() -> int: return _N.a",
    ),
    # Data.
    "a constant": (1, 2, "RATE = <<1|2>>\ndef made() -> int: return RATE"),
    "a constant's type": (1, 1.0, "RATE = <<1|1.0>>\ndef made() -> typing.Any: return RATE"),
    "an imported constant": (
        *(1, 2),
        "from near import RATE\ndef made() -> int: return RATE\n# near.py\nRATE = <<1|2>>",
    ),
    "members of a set in code": (
        *(True, False),
        "def made() -> bool: return 'b' in {'a', 'b<<|b>>', 'c', 'd'}",
    ),
    "a set": (3, 4, "_ALL = {'x', 'y', 'z'<<|, 'w'>>}\ndef made() -> int: return len(_ALL)"),
    "nested data": (
        *(1, 2),
        (
            "_D = {'a': [1, {'x', 'y'}, (frozenset({'p', 'q'}), <<1|2>>)]}\n"
            "def made() -> int: return _D['a'][2][1]"
        ),
    ),
    "what json.load returned": (
        *(1, 2),
        """
        import json
        from pathlib import Path
        def _read(): return json.loads((Path(__file__).parent / "rates.json").read_text())
        _RATES = _read()
        def made() -> int: return _RATES["a"][0]
        # rates.json
        {"a": [<<1|2>>]}
        """,
    ),
    "a choice": (1, 2, "if True:\n    B = <<1|2>>\nelse:\n    B = 3\ndef made() -> int: return B"),
    "a statement that binds no name": (
        *(1, 2),
        "_D = {}\n_D['a'] = <<1|2>>\ndef made() -> int: return _D['a']",
    ),
    "a frame": (
        *(1, 2),
        (
            "_F = pd.DataFrame({'a': [<<1|2>>], 'b': ['x']})\n"
            "def made() -> int: return int(_F.loc[0, 'a'])"
        ),
    ),
    "a frame of objects": (
        *("x", "y"),
        (
            "_F = pd.DataFrame({'a': pd.Series([1, '<<x|y>>'], dtype=object)})\n"
            "def made() -> str: return str(_F.loc[1, 'a'])"
        ),
    ),
    "the name of a column": (
        *("a", "b"),
        "_F = pd.DataFrame({'<<a|b>>': [1]})\ndef made() -> str: return _F.columns[0]",
    ),
    "a series": (1, 2, "_S = pd.Series([<<1|2>>])\ndef made() -> int: return int(_S.sum())"),
    "an array": (1, 2, "_A = np.array([<<1|2>>])\ndef made() -> int: return int(_A.sum())"),
    "a decimal": (
        *("1.0", "1.00"),
        (
            "from decimal import Decimal\n_D = Decimal('1.<<0|00>>')\n"
            "def made() -> str: return str(_D)"
        ),
    ),
    "a day": (
        *(2013, 2014),
        (
            "from datetime import date\n_D = date(<<2013|2014>>, 1, 1)\n"
            "def made() -> int: return _D.year"
        ),
    ),
    "a pattern": (
        *(1, 2),
        "import re\n_P = re.compile('a<<|+>>')\ndef made() -> int: return _P.match('aa').end()",
    ),
    "a frame in a query": (
        *(2, 1),
        (
            "CUT = <<1|2>>\n"
            "def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query('a > @CUT'))"
        ),
    ),
    "a name in a text that a constant holds": (
        *(2, 1),
        (
            "CUT = <<1|2>>\n_TEXTS = {'q': 'a > @CUT'}\n"
            "def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query(_TEXTS['q']))"
        ),
    ),
    "a frame in SQL": (  # as DuckDB finds it
        *(1, 2),
        """
        from near import sql
        FRAME = pd.DataFrame({'a': [<<1|2>>]})
        def made() -> int: return int(sql('select a from FRAME'))
        # near.py
        import sys
        def sql(text): return sys._getframe(1).f_globals[text.split()[-1]].loc[0, 'a']
        """,
    ),
    "a function in a query": (
        *(2, 1),
        """
        def _large(x): return x > <<1|2>>
        def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query('@_large(a)'))
        """,
    ),
    "a module in a query": (
        *(2, 1),
        """
        import near
        def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query('a > @near.CUT'))
        # near.py
        CUT = <<1|2>>
        """,
    ),
    "a name in a text of a default argument": (
        *(2, 1),
        """
        CUT = <<1|2>>
        def _cut(frame, text='a > @CUT'): return frame.query(text)
        def made() -> int: return len(_cut(pd.DataFrame({'a': [1, 2, 3]})))
        """,
    ),
    "a name in a text of a class": (
        *(2, 1),
        """
        CUT = <<1|2>>
        class _Texts:
            query = 'a > @CUT'
        def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query(_Texts.query))
        """,
    ),
    "a name in a text of an object": (
        *(2, 1),
        """
        from dataclasses import dataclass
        @dataclass
        class _Texts:
            query: str
        CUT = <<1|2>>
        _ALL = _Texts('a > @CUT')
        def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query(_ALL.query))
        """,
    ),
    "a name in a text of another module": (
        *(2, 1),
        """
        from near import TEXT
        CUT = <<1|2>>
        def made() -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query(TEXT))
        # near.py
        TEXT = 'a > @CUT'
        """,
    ),
    "a name in a text for a function of another module": (
        *(2, 1),
        """
        from near import cut
        def made() -> int: return len(cut(pd.DataFrame({'a': [1, 2, 3]}), 'a > @CUT'))
        # near.py
        CUT = <<1|2>>
        def cut(frame, text): return frame.query(text)
        """,
    ),
    "a name in a text of a decorator": (
        *(2, 1),
        """
        from hamilton.function_modifiers import inject, value
        CUT = <<1|2>>
        @inject(text=value('a > @CUT'))
        def made(text: str) -> int: return len(pd.DataFrame({'a': [1, 2, 3]}).query(text))
        """,
    ),
    "a name that a named text names": (
        *(2, 1),
        """
        CUT = <<1|2>>
        LIMIT = 'CUT'
        def _text(name): return 'a - @' + made.__globals__[name]
        def made() -> int: return int(pd.DataFrame({'a': [3]}).eval(_text('LIMIT'))[0])
        """,
    ),
    "a name in eval": (2, 3, "CUT = <<1|2>>\ndef made() -> int: return eval('CUT') + 1"),
    "a name in pd.eval": (2, 3, "CUT = <<1|2>>\ndef made() -> int: return int(pd.eval('CUT + 1'))"),
    "a name in an annotation": (
        *(1, 2),
        """
        class _Limit:
            value = <<1|2>>
        def _b(x: "_Limit") -> "int": return x
        def made() -> int: return typing.get_type_hints(_b)["x"].value
        """,
    ),
    # Hamilton's decorators.
    "sources that change places": (
        *(-1, 1),
        """
        from hamilton.function_modifiers import parameterize, source
        def one() -> int: return 1
        def two() -> int: return 2
        @parameterize(made={"x": source("<<one|two>>"), "y": source("<<two|one>>")})
        def difference(x: int, y: int) -> int: return x - y
        """,
    ),
    "an argument of parameterize": (
        *(1, 2),
        """
        from hamilton.function_modifiers import parameterize, value
        @parameterize(part={"x": value(<<1|2>>)}, other={"x": value(3)})
        def several(x: int) -> int: return x
        def made(part: int) -> int: return part
        """,
    ),
    "an argument of inject": (
        *(1, 2),
        """
        from hamilton.function_modifiers import inject, value
        @inject(x=value(<<1|2>>))
        def made(x: int) -> int: return x
        """,
    ),
    "a function that mutates another": (
        *(2, 3),
        """
        from hamilton.function_modifiers import mutate
        def made() -> int: return 1
        @mutate(made)
        def _more(x: int) -> int: return x + <<1|2>>
        """,
    ),
    "a step of a pipe": (
        *(2, 3),
        """
        from hamilton.function_modifiers import pipe_output, step
        def _more(x: int, y: int) -> int: return x + y
        @pipe_output(step(_more, y=<<1|2>>))
        def made() -> int: return 1
        """,
    ),
    "a function that does": (
        *(3, 6),
        """
        from hamilton.function_modifiers import does
        def one() -> int: return 1
        def two() -> int: return 2
        def _sum(**given): return sum(given.values()) * <<1|2>>
        @does(_sum)
        def made(one: int, two: int) -> int: ...
        """,
    ),
    "the columns that are extracted": (
        *(1, 2),
        """
        from hamilton.function_modifiers import extract_columns
        @extract_columns("a", "b")
        def frame() -> pd.DataFrame: return pd.DataFrame({"a": [1], "b": [<<1|2>>]})
        def made(b: pd.Series) -> int: return int(b.sum())
        """,
    ),
    "a value of a subdag": (
        *(2, 3),
        """
        import near
        from hamilton.function_modifiers import subdag, value
        @subdag(near, inputs={"x": value(<<1|2>>)})
        def made(part: int) -> int: return part
        # near.py
        def part(x: int) -> int: return x + 1
        """,
    ),
    # What libraries have of us, and how they are set.
    "a registered accessor": (
        *(1, 2),
        """
        @pd.api.extensions.register_dataframe_accessor("geo")
        class Geo:
            def __init__(self, frame): self._frame = frame
            def area(self): return <<1|2>>
        def made() -> int: return pd.DataFrame().geo.area()
        """,
    ),
    "a patched class": (
        *(1, 2),
        """
        import near
        def made() -> int: return pd.DataFrame().area()
        # near.py
        import pandas as pd
        pd.DataFrame.area = lambda self: <<1|2>>
        """,
    ),
    "a patched function of a library": (
        *(1, 2),
        "import json\njson.loads = lambda text: <<1|2>>\ndef made() -> int: return json.loads('9')",
    ),
    "a function in a library's registry": (
        *(1, 2),
        """
        import copy, copyreg
        class _A: pass
        copyreg.pickle(_A, lambda thing: (int, (<<1|2>>,)))
        def made() -> int: return copy.copy(_A())
        """,
    ),
    "a class in a library's dict": (
        *(1, 2),
        """
        import json.encoder
        class Own:
            rate = <<1|2>>
        json.encoder.ESCAPE_DCT["own"] = Own
        def made() -> int: return json.encoder.ESCAPE_DCT["own"].rate
        """,
    ),
    "an option of pandas": (
        *("0.1", "0.12"),
        (
            "pd.set_option('display.precision', <<1|2>>)\n"
            "def made() -> str: return pd.Series([0.123]).to_string(index=False).strip()"
        ),
    ),
    "an option of numpy": (
        *("[0.1]", "[0.12]"),
        "np.set_printoptions(precision=<<1|2>>)\ndef made() -> str: return str(np.array([0.123]))",
    ),
    "the decimal context": (
        *("0.3", "0.33"),
        (
            "import decimal\ndecimal.getcontext().prec = <<1|2>>\n"
            "def made() -> str: return str(decimal.Decimal(1) / 3)"
        ),
    ),
    "an accessor that another module registers": (
        *(1, 2),
        """
        import near
        def made() -> int: return pd.Series([1]).geo.area()
        # near.py
        import pandas as pd
        from far import C
        @pd.api.extensions.register_series_accessor("geo")
        class Geo:
            def __init__(self, series): self._series = series
            def area(self): return C
        # far.py
        C = <<1|2>>
        """,
    ),
    "a decorator of a library that stores a class": (
        *(1, 2),
        """
        from pandas.api.extensions import ExtensionDtype, register_extension_dtype
        @register_extension_dtype
        class Own(ExtensionDtype):
            name, type, kind, rate = "own", int, "i", <<1|2>>
            @classmethod
            def construct_array_type(cls): return pd.arrays.IntegerArray
        def made() -> int: return pd.api.types.pandas_dtype("own").rate
        """,
    ),
    "a check registered with pandera": (
        *(False, True),
        """
        import pandera.pandas as pa
        from pandera import extensions
        @extensions.register_check_method()
        def _fair(data): return data.sum() > <<5|1>>
        def made() -> bool:
            try: return not pa.SeriesSchema(int, pa.Check._fair()).validate(pd.Series([3])).empty
            except pa.errors.SchemaError: return False
        """,
    ),
    "a method registered with a library's function": (
        *(1, 2),
        """
        from hamilton import registry
        class _A: pass
        @registry.get_column.register(_A)
        def _column(frame: _A, name: str): return <<1|2>>
        def made() -> int: return registry.get_column(_A(), "x")
        """,
    ),
    "a class in a library's list of pairs": (
        *(1, 2),
        """
        import json.encoder
        class Own:
            rate = <<1|2>>
        json.encoder.PAIRS = [("own", Own)]
        def made() -> int: return json.encoder.PAIRS[0][1].rate
        """,
    ),
    "a codec that is registered with us": (
        *(1, 1),
        """
        from isthmus_transforms.runtime import register_codec
        class Model(int): pass
        class Codec:
            def write(self, value, file): file.write(str(value + <<0|1>>).encode())
            def read(self, file): return Model(int(file.read()) - <<0|1>>)
        register_codec(Model, Codec())
        def made() -> int: return Model(1)
        """,
    ),
    "a value that is added to Python's": (
        *(1, 2),
        "import builtins\nbuiltins.RATE = <<1|2>>\ndef made() -> int: return RATE",
    ),
    "a value of a library": (1, 2, "np.RATE = <<1|2>>\ndef made() -> int: return np.RATE"),
    "a format in an option of pandas": (
        *("0.1", "0.12"),
        (
            "pd.options.display.float_format = '{:.<<1|2>>f}'.format\n"
            "def made() -> str: return pd.Series([0.123]).to_string(index=False).strip()"
        ),
    ),
    "a function in an option of pandas": (
        *("a", "b"),
        (
            "pd.options.display.float_format = lambda x: '<<a|b>>'\n"
            "def made() -> str: return pd.Series([0.123]).to_string(index=False).strip()"
        ),
    ),
    "how numpy treats errors": (
        *("warn", "ignore"),
        "np.seterr(divide='<<warn|ignore>>')\ndef made() -> str: return np.geterr()['divide']",
    ),
    "an option of scikit-learn": (
        *("array", "matrix"),
        """
        import sklearn
        sklearn.set_config(sparse_interface="sp<<array|matrix>>")
        def made() -> str: return sklearn.get_config()["sparse_interface"][2:]
        """,
    ),
    "the locale": (
        *("C", "C.UTF-8"),
        """
        import locale
        locale.setlocale(locale.LC_NUMERIC, "C<<|.UTF-8>>")
        def made() -> str: return locale.setlocale(locale.LC_NUMERIC)
        """,
    ),
    # What a notebook replaces in a module.
    "a constant that a cell replaced": (
        *(1, 2),
        "RATE = 1\ndef made() -> int: return RATE\n# cell\nfunctions.RATE = <<1|2>>",
    ),
    "a function that a cell replaced": (
        *(1, 2),
        (
            "def _b(): return 0\ndef made() -> int: return _b()\n"
            "# cell\nfunctions._b = lambda: <<1|2>>"
        ),
    ),
    "a method that a cell replaced": (
        *(1, 2),
        (
            "class _A:\n    def go(self): return 0\ndef made() -> int: return _A().go()\n"
            "# cell\nfunctions._A.go = lambda self: <<1|2>>"
        ),
    ),
    "a default that a cell replaced": (
        *(1, 2),
        (
            "def _b(x=0): return x\ndef made() -> int: return _b()\n"
            "# cell\nfunctions._b.__defaults__ = (<<1|2>>,)"
        ),
    ),
    "a partial that a cell replaced": (
        *(1, 2),
        (
            "from functools import partial\n_P = partial(int, '0')\n"
            "def made() -> int: return _P()\n"
            "# cell\nfunctions._P = functions.partial(int, '<<1|2>>')"
        ),
    ),
    "a frame that a cell changed": (
        *(1, 2),
        (
            "_F = pd.DataFrame({'a': [0]})\ndef made() -> int: return int(_F.loc[0, 'a'])\n"
            "# cell\nfunctions._F.loc[0, 'a'] = <<1|2>>"
        ),
    ),
    "a list that a cell changed": (
        *(1, 2),
        "_L = []\ndef made() -> int: return sum(_L)\n# cell\nfunctions._L.append(<<1|2>>)",
    ),
    "a library that a cell patched": (
        *(1, 2),
        (
            "def made() -> int: return pd.Series([5]).half()\n"
            "# cell\ndef half(self): return <<1|2>>\nfunctions.pd.Series.half = half"
        ),
    ),
}
SAME: dict[str, str] = {
    "a docstring": 'def made() -> int:\n    """<<Made.|Is made.>>"""\n    return 1',
    "a comment and lines": "<<|# more\n\n\n>>def made() -> int: return 1",
    "a function that it does not use": "def _b(): return <<1|2>>\ndef made() -> int: return 1",
    "a new function": "<<|def _b(): return 1\n>>def made() -> int: return 1",
    "a node with the name of an attribute": (
        "def price() -> int: return <<1|2>>\n"
        "def made() -> int: return int(pd.DataFrame({'price': [1]}).price.sum())"
    ),
    "an unused name of an imported module": (
        "import near\ndef made() -> int: return near.b()\n# near.py\nB = <<1|2>>\ndef b(): return 1"
    ),
    "a class that it does not use": "class _A:\n    x = <<1|2>>\ndef made() -> int: return 1",
    "a logger": (
        "import logging\n_LOG = logging.getLogger('<<a|a>>')\n"
        "def made() -> int:\n    _LOG.info('x')\n    return 1"
    ),
    "a library that a function imports": (
        "def made() -> int:\n    import sklearn.linear_model\n    return 1<<|  # one>>"
    ),
    "a lock": (
        "import threading\n_LOCK = threading.Lock()\n"
        "def made() -> int:\n    with _LOCK: return 1<<|  # one>>"
    ),
    "types": (
        "from typing import Annotated, Optional, TypeVar\nT = TypeVar('T')\n"
        "_HINT = Optional[Annotated[int, 'x']]\n"
        "def _b(x: T) -> T: return x\ndef made() -> int: return _b(1 if _HINT else 2)<<|  # one>>"
    ),
}
DOUBTS: dict[str, str] = {
    "a memo that fills": """
        _MEMO = {}
        def made() -> int: return _MEMO.setdefault(1, 1)
        """,
    "a counter": "_N = 0\ndef made() -> int:\n    global _N\n    _N += 1\n    return 1",
    "a counter of a class": """
        class _A:
            made = 0
        def made() -> int:
            _A.made += 1
            return 1
        """,
    "a result behind a memo that fills": """
        _MEMO = []
        def before() -> int:
            _MEMO.append(1)
            return 1
        def made(before: int) -> int: return 1
        """,
    "an option that a function sets": """
        def made() -> int:
            pd.set_option('display.precision', 3)
            return 1
        """,
    "a random generator": (
        "_R = np.random.default_rng(1)\ndef made() -> int: return int(_R.integers(1, 9)) * 0 + 1"
    ),
    "a generator": "_G = (x for x in [1, 1])\ndef made() -> int: return next(_G)",
    "an open file": "import os\n_F = open(os.devnull)\ndef made() -> int: return 1 if _F else 0",
    "state of a library": (
        "from os import environ\ndef made() -> int: return 1 if environ is not None else 0"
    ),
    "much data": "_A = np.zeros(9_000_000)\ndef made() -> int: return 1 + int(_A[0])",
    "a module by its name": """
        import importlib
        def made() -> int: return importlib.import_module('near').A
        # near.py
        A = 1
        """,
    "a file beside it": "def made() -> int: return 1 if __file__ else 0",
    "the state of np.random": (
        "np.random.seed(1)\ndef made() -> int: return int(np.random.rand() * 0 + 1)"
    ),
    "the state of random": """
        import random
        random.seed(1)
        def made() -> int: return random.randint(1, 1)
        """,
    "a function that draws from the state of random": """
        def made() -> int:
            from random import randint
            return randint(1, 1)
        """,
    "a function that was called before, behind a cache": """
        import functools
        @functools.cache
        def _b(): return RATE
        RATE = 1
        _b()
        RATE = 2
        def made() -> int: return _b()
        """,
    "recompute": """
        from hamilton.function_modifiers import cache
        @cache(behavior="recompute")
        def made() -> int: return 1
        """,
    "disable": """
        from hamilton.function_modifiers import cache
        @cache(behavior="disable")
        def made() -> int: return 1
        """,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_computed_anew_and_no_change_is_not(assert_change: Check, name: str) -> None:
    assert_change(*CHANGES[name])


@pytest.mark.parametrize("name", SAME)
def test_a_change_that_matters_not_keeps_the_result(assert_same: Check, name: str) -> None:
    assert_same(SAME[name])


@pytest.mark.parametrize("name", DOUBTS)
def test_a_doubt_is_computed_each_time_and_logged_once(assert_doubt: Check, name: str) -> None:
    assert_doubt(DOUBTS[name])


def test_there_are_as_many_cases_as_were_asked_for() -> None:
    assert len(CHANGES) + len(SAME) + len(DOUBTS) >= 60
