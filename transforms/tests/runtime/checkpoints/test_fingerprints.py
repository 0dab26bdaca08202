from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from isthmus_contracts import ParamValue
from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime.checkpoints.fingerprints import (
    Fingerprints,
    code_digest,
    fingerprint_nodes,
)
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import ordered_nodes

Compute = Callable[..., Fingerprints]
MODULE = "isthmus_transforms.runtime.checkpoints.fingerprints"

FAR = """
    STEP = 3
    UNUSED = 1

    def far(x):
        return x + STEP

    def lonely(x):
        return x
"""
NEAR = """
    from sample.far import far, lonely

    def near(x):
        return far(x)
"""
FUNCTIONS = """
    import functools
    from sample import near as helpers
    from hamilton.function_modifiers import config, tag

    RATE = 2

    @tag(level="1")
    def first(given: int) -> int:
        return given + 1

    def second(first: int) -> int:
        return helpers.near(first)

    def third(first: int) -> int:
        return first * RATE

    def fourth(third: int, weight: int) -> int:
        return third * weight

    @config.when(kind="a")
    def chosen__a() -> int:
        return 1

    @config.when(kind="b")
    def chosen__b() -> int:
        return 1

    def last(chosen: int, second: int, fourth: int) -> int:
        return chosen
"""
NODES = {"given", "weight", "first", "second", "third", "fourth", "chosen", "last"}
DEFAULTS: dict[str, ParamValue] = {"weight": 2, "kind": "a"}


@pytest.fixture
def fingerprints(
    module_of: Callable[..., ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Compute:
    """Return a function that writes the modules, and returns the fingerprints for `last`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(
        far: str = FAR,
        near: str = NEAR,
        functions: str = FUNCTIONS,
        target: str = "last",
        given: dict[str, str | None] | None = None,
        **params: ParamValue,
    ) -> Fingerprints:
        monkeypatch.delitem(sys.modules, "sample", raising=False)
        for name, source in (("far", far), ("near", near)):
            module = module_of(source, name)
            monkeypatch.setattr(f"sample.{name}", module, raising=False)
        module = module_of(functions)
        values = {**DEFAULTS, **params}
        graph = build_graph([module], values)
        inputs = {"given": "1"} if given is None else given
        nodes = ordered_nodes(graph, [target], inputs.keys() | values.keys())
        return fingerprint_nodes(nodes, inputs, values)

    return make


def _changed(one: Fingerprints, other: Fingerprints) -> set[str]:
    assert one.missing == other.missing == {}
    assert one.by_node.keys() == other.by_node.keys() == NODES
    return {name for name in NODES if one.by_node[name] != other.by_node[name]}


def test_fingerprints_are_reproducible(fingerprints: Compute) -> None:
    assert _changed(fingerprints(), fingerprints()) == set()


@pytest.mark.parametrize(
    ("where", "old", "new", "changed"),
    [
        ("functions", "given + 1", "given + 2", {"first", "second", "third", "fourth", "last"}),
        ("functions", 'level="1"', 'level="2"', {"first", "second", "third", "fourth", "last"}),
        ("functions", "RATE = 2", "RATE = 3", {"third", "fourth", "last"}),
        ("functions", "third * weight", "weight * third", {"fourth", "last"}),
        ("functions", "helpers.near(first)", "helpers.far(first)", {"second", "last"}),
        ("functions", "return 1\n\n    @config", "return 2\n\n    @config", {"chosen", "last"}),
        ("near", "return far(x)", "return far(x + 1)", {"second", "last"}),
        ("near", "import far,", "import lonely as far,", {"second", "last"}),
        ("far", "STEP = 3", "STEP = 4", {"second", "last"}),
        ("far", "x + STEP", "STEP + x", {"second", "last"}),
        # These change nothing.
        ("far", "UNUSED = 1", "UNUSED = 2", set()),
        ("far", "        return x\n", "        return -x\n", set()),
        ("functions", "third * weight", "third*weight # faster", set()),
        ("functions", "    RATE = 2", "\n\n    # per flight\n    RATE = 2", set()),
        ("functions", "def last(", "def more() -> int: return 7\n\n    def last(", set()),
    ],
)
def test_a_change_reaches_exactly_the_nodes_that_use_it(
    fingerprints: Compute, where: str, old: str, new: str, changed: set[str]
) -> None:
    source = {"far": FAR, "near": NEAR, "functions": FUNCTIONS}[where]
    assert old in source
    before = fingerprints()
    assert _changed(before, fingerprints(**{where: source.replace(old, new, 1)})) == changed
    assert _changed(before, fingerprints()) == set()


def test_params_reach_the_nodes_that_depend_on_them_and_select_variants(
    fingerprints: Compute,
) -> None:
    before = fingerprints()
    assert _changed(before, fingerprints(weight=3)) == {"weight", "fourth", "last"}
    assert _changed(before, fingerprints(weight=2.0)) == {"weight", "fourth", "last"}
    assert _changed(before, fingerprints(kind="b")) == {"chosen", "last"}
    listed = fingerprints(weight=[1, 2])
    for other in ([2, 1], [1, 2.0], [True, 2], {"1": 2}, []):
        assert _changed(listed, fingerprints(weight=other)) == {"weight", "fourth", "last"}
    assert _changed(listed, fingerprints(weight=[1, 2])) == set()


def test_an_input_digest_reaches_the_nodes_that_depend_on_it(fingerprints: Compute) -> None:
    changed = _changed(fingerprints(), fingerprints(given={"given": "2"}))
    assert changed == NODES - {"chosen", "weight"}


def test_nodes_that_depend_on_an_input_without_a_digest_have_no_fingerprint(
    fingerprints: Compute,
) -> None:
    found = fingerprints(given={"given": None})
    assert found.by_node.keys() == {"chosen", "weight"}
    assert "given" in found.missing["last"]


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [("versions", ("another",), NODES), ("options", "others", NODES - {"given", "weight"})],
)
def test_other_libraries_and_other_options_change_every_node(
    fingerprints: Compute, name: str, value: object, changed: set[str]
) -> None:
    before = fingerprints()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(f"{MODULE}.{name}", partial(tuple, value))  # a function of ours would count
        assert _changed(before, fingerprints()) == changed


def test_libraries_that_changed_leave_no_node_a_fingerprint(
    fingerprints: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed() -> tuple[str, ...]:
        raise UnknownDependencyError("libraries changed")

    monkeypatch.setattr(f"{MODULE}.versions", changed)
    found = fingerprints()
    assert found.by_node == {}
    assert found.missing == dict.fromkeys(NODES, "libraries changed")


EFFECTS = {
    "a registry that a decorator fills": (
        """
        TABLE = {}
        def _keep(f):
            TABLE[f.__name__] = f
            return f
        @_keep
        def _one(): return 1
        def a() -> int: return TABLE['_one']()
        """,
        "return 1",
        "return 2",
    ),
    "a statement that binds no name": (
        """
        TABLE = {}
        TABLE['one'] = 1
        def a() -> int: return TABLE['one']
        """,
        "= 1",
        "= 2",
    ),
    "a function of several types": (
        """
        import functools
        @functools.singledispatch
        def _area(x): return 0
        @_area.register
        def _(x: int): return 1
        def a() -> int: return _area(1)
        """,
        "return 1",
        "return 2",
    ),
    "a decorator that alters another function": (
        """
        from hamilton.function_modifiers import mutate as m
        def a() -> int: return 1
        @m(a)
        def _more(x: int) -> int: return x + 1
        """,
        "x + 1",
        "x + 2",
    ),
    "a choice": (
        """
        if True:
            B = 1
        else:
            B = 2
        def a() -> int: return B
        """,
        "B = 1",
        "B = 3",
    ),
    "a name in a text": (
        """
        B = 1
        def a() -> int: return globals()['B']
        """,
        "B = 1",
        "B = 2",
    ),
    "an import inside": (
        """
        def a() -> int:
            from sample.far import far
            return far(1)
        """,
        "far(1)",
        "far(2)",
    ),
    "a base class": (
        """
        class A:
            def go(self): return 1
        class B(A):
            one = 1
            two = one
        def a() -> int: return B().go()
        """,
        "return 1",
        "return 2",
    ),
    "a table of functions": (
        """
        def _b(): return 1
        DOING = {'b': _b}
        def a() -> int: return DOING['b']()
        """,
        "return 1",
        "return 2",
    ),
    "a lambda": (
        """
        F = {1: lambda: 1}
        def a() -> int: return F[1]()
        """,
        "lambda: 1",
        "lambda: 2",
    ),
    "a decorator that wraps": (
        """
        def _wrap(f):
            import functools
            @functools.wraps(f)
            def inner() -> int: return f() + 1
            return inner
        @_wrap
        def a() -> int: return 1
        """,
        "f() + 1",
        "f() + 2",
    ),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_code_that_affects_a_function_indirectly_counts(fingerprints: Compute, name: str) -> None:
    source, old, new = EFFECTS[name]
    before = fingerprints(functions=source, target="a")
    after = fingerprints(functions=source.replace(old, new, 1), target="a")
    assert not before.missing
    assert before.by_node["a"] != after.by_node["a"]
    assert fingerprints(functions=source, target="a").by_node["a"] == before.by_node["a"]


CHECKED = """
    import pandas as pd
    import pandera.pandas as pa
    from hamilton.data_quality.base import DataValidator, ValidationResult
    from hamilton.function_modifiers import check_output, check_output_custom

    LEAST = 1
    SCHEMA = pa.SeriesSchema(float, pa.Check.ge(LEAST))

    class Mine(DataValidator):
        def applies_to(self, datatype: type) -> bool: return True
        def description(self) -> str: return "Mine."
        @classmethod
        def name(cls) -> str: return "mine"
        def validate(self, dataset: pd.Series) -> ValidationResult:
            return ValidationResult(len(dataset) > 3, "short")

    @check_output(range=(0, 5), importance="fail")
    def by_default() -> pd.Series: return pd.Series([1.0])

    @check_output(schema=SCHEMA)
    def by_schema() -> pd.Series: return pd.Series([1.0])

    @check_output_custom(Mine("fail"))
    def by_hand() -> pd.Series: return pd.Series([1.0])
"""


@pytest.mark.parametrize(
    ("target", "old", "new"),
    [
        ("by_default", "range=(0, 5)", "range=(0, 6)"),
        ("by_default", 'range=(0, 5), importance="fail"', "range=(0, 5)"),
        ("by_schema", "LEAST = 1", "LEAST = 2"),
        ("by_schema", "pa.Check.ge", "pa.Check.gt"),
        ("by_hand", "len(dataset) > 3", "len(dataset) > 4"),
        ("by_hand", 'Mine("fail")', 'Mine("warn")'),
    ],
)
def test_the_arguments_of_a_check_count(
    fingerprints: Compute, target: str, old: str, new: str
) -> None:
    before = fingerprints(functions=CHECKED, target=target)
    after = fingerprints(functions=CHECKED.replace(old, new, 1), target=target)
    assert not before.missing
    assert not after.missing
    assert before.by_node[target] != after.by_node[target]
    assert fingerprints(functions=CHECKED, target=target).by_node == before.by_node


@pytest.mark.parametrize(
    "source",
    [
        "import sample.near\n\ndef a() -> int: return getattr(sample.near, 'ne' + 'ar')(1)\n",
        "def a() -> int:\n    from sample.near import near\n    return near(1)\n",
        "def a() -> int:\n    import sample.near\n    return sample.near.near(1)\n",
        "from sample.near import *\ndef a() -> int: return near(1)\n",
    ],
)
def test_an_imported_module_counts_whatever_the_form_of_the_import(
    fingerprints: Compute, source: str
) -> None:
    before = fingerprints(functions=source, target="a")
    after = fingerprints(FAR.replace("STEP = 3", "STEP = 4"), functions=source, target="a")
    assert before.by_node["a"] != after.by_node["a"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import importlib\ndef a() -> int: return importlib.import_module('x').b\n", "importlib"),
        ("def a() -> str: return __file__\n", "__file__"),
        ("def a() -> int: return absent\n", "absent"),
    ],
)
def test_what_cannot_be_determined_has_no_fingerprint(
    fingerprints: Compute, source: str, reason: str
) -> None:
    found = fingerprints(functions=source, target="a")
    assert found.by_node == {}
    assert reason in found.missing["a"]


def test_fingerprints_are_those_of_what_is_loaded_and_not_of_the_file(
    module_of: Callable[..., ModuleType], tmp_path: Path
) -> None:
    before = _found(module_of("def a() -> int: return 1\n")).by_node
    loaded = sys.modules["sample.functions"]
    (tmp_path / "sample" / "functions.py").write_text("def a() -> int: return 2\n")
    assert _found(loaded).by_node == before
    assert _found(module_of("def a() -> int: return 2\n")).by_node != before


def test_a_value_that_was_replaced_in_this_process_counts(
    module_of: Callable[..., ModuleType],
) -> None:
    module = module_of("RATE = 2\ndef _b(): return 1\ndef a() -> int: return RATE * _b()\n")
    before = _found(module)
    module.RATE = 3
    assert _found(module).by_node["a"] != before.by_node["a"]
    assert before.again
    assert before.again().by_node["a"] == _found(module).by_node["a"]
    module.RATE = 2
    assert _found(module).by_node["a"] == before.by_node["a"] == before.again().by_node["a"]
    module._b = lambda: 2
    assert _found(module).by_node["a"] != before.by_node["a"]


def test_a_worker_that_loads_the_same_code_has_the_same_digest(
    module_of: Callable[..., ModuleType],
) -> None:
    module = module_of("RATE = 2\ndef a() -> int: return RATE\n")
    node = build_graph([module], {}).nodes["a"]
    planned = _found(module).code["a"]
    assert code_digest(node) == planned
    module.RATE = 3
    assert code_digest(node) not in {planned, ""}
    module.RATE = (x for x in ())
    assert code_digest(node) == ""


def _found(module: ModuleType) -> Fingerprints:
    return fingerprint_nodes(ordered_nodes(build_graph([module], {}), ["a"], ()), {}, {})
