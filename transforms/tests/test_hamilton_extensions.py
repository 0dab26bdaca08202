"""Hamilton's decorators work in any order of imports, and load only what they ask for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

AUTOLOAD = "HAMILTON_AUTOLOAD_EXTENSIONS"
FUNCTIONS = """
from hamilton.function_modifiers import check_output, extract_columns, load_from, save_to, source
import pandas as pd
from matplotlib.figure import Figure

@extract_columns("id", "price")
def orders() -> pd.DataFrame:
    return pd.DataFrame({"id": [1, 2], "price": [1.5, 2.5]})

@save_to.plt(path=source("path"), output_name_="saved")
def drawing(price: pd.Series) -> Figure:
    return Figure()
"""
DECLARATION = """
from isthmus_transforms.dataflows.planted import functions
from isthmus_contracts import DataflowContract, File, Param
from isthmus_transforms.runtime import Dataflow

dataflow = Dataflow(
    DataflowContract(
        name="planted",
        version="1.0.0",
        owner="analytics",
        description="Planted.",
        inputs=(),
        outputs=(File("price", "P.", ".txt"),),
        params=(Param("path", "string", "drawing.png", "Where."),),
    ),
    modules=(functions,),
)
"""


def run(program: str, folder: Path, **variables: str) -> str:
    """Return what a program prints in a process of its own, in which nothing is imported yet."""
    environment = {name: value for name, value in os.environ.items() if name != AUTOLOAD}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env={**environment, **variables, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Return a folder with a dataflow that uses decorators of three libraries."""
    package = tmp_path / "planted"
    package.mkdir()
    (package / "__init__.py").write_text(DECLARATION)
    (package / "functions.py").write_text(FUNCTIONS)
    return tmp_path


LOAD = """
import isthmus_transforms.dataflows
isthmus_transforms.dataflows.__path__.append(".")
from isthmus_transforms.dataflows.planted import dataflow
"""
COMPUTE = """
print(dataflow.compute("price").tolist(), dataflow.compute("saved")["file_metadata"]["path"])
"""


@pytest.mark.parametrize(
    ("before", "variables"),
    [
        ("", {}),
        ("import isthmus_transforms.runtime", {}),
        ("import hamilton.registry, pandas", {}),
        ("import hamilton.htypes", {}),
        ("import hamilton.driver", {}),
        ("import hamilton.driver", {AUTOLOAD: "0"}),
    ],
)
def test_decorators_work_whatever_was_imported_before(
    planted: Path, before: str, variables: dict[str, str]
) -> None:
    printed = run(before + LOAD + COMPUTE, planted, **variables)
    assert printed == "[1.5, 2.5] drawing.png"
    assert (planted / "drawing.png").read_bytes().startswith(b"\x89PNG")


ASKED = {
    "save_to.plt": "save_to.plt(path='x')",
    "save_to.png": "import sklearn.metrics; save_to.png(path='x')",
    "load_from.npy": "load_from.npy(path='x')",
    "to.plt": (
        "from hamilton.io.materialization import to\nto.plt(id='a', dependencies=[], path='x')"
    ),
    "schema.output": (
        "import pandas as pd\n@schema.output(('a', 'int'))\ndef a() -> pd.DataFrame: ...\n"
        "from hamilton.function_modifiers.base import resolve_nodes; resolve_nodes(a, {})"
    ),
    "extract_columns of polars": (
        "import polars as pl\n@extract_columns('a')\ndef a() -> pl.DataFrame: ...\n"
    ),
    "save_to.parquet of polars": (
        "import polars as pl\n@save_to.parquet(file=value('x'))\ndef a() -> pl.DataFrame: ...\n"
        "from hamilton.function_modifiers.base import resolve_nodes\n"
        "assert 'Polars' in str([node.tags for node in resolve_nodes(a, {})])"
    ),
}
IMPORTS = """
import isthmus_transforms
from hamilton.function_modifiers import *
from hamilton.function_modifiers import extract_columns, load_from, save_to, schema, value
"""


@pytest.mark.parametrize("name", ASKED)
def test_an_installed_library_has_its_extension_when_a_decorator_asks(
    name: str, tmp_path: Path
) -> None:
    run(IMPORTS + ASKED[name], tmp_path)


def test_checks_of_pydantic_models_are_found(tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text(
        "from hamilton.function_modifiers import check_output\n"
        "from pydantic import BaseModel\n"
        "class Row(BaseModel):\n    id: int\n"
        "@check_output(model=Row, importance='fail')\ndef row() -> dict: return {'id': 1}\n"
    )
    program = (
        "import functions\nfrom isthmus_transforms.runtime.graph.build import build_graph\n"
        "print('row_pydantic_validator' in build_graph([functions], {}).nodes)"
    )
    assert run(program, tmp_path) == "True"


def test_a_name_that_no_extension_has_is_an_error_with_the_known_names(tmp_path: Path) -> None:
    program = (
        f"{IMPORTS}\ntry:\n    save_to.plot\nexcept AttributeError as error:\n    print(error)"
    )
    printed = run(program, tmp_path)
    assert "plot" in printed
    assert "'plt'" in printed


def test_a_type_without_an_extension_is_an_error_at_its_function(tmp_path: Path) -> None:
    program = (
        f"{IMPORTS}\ntry:\n    @extract_columns('a')\n    def a() -> int: ...\n"
        "except Exception as error:\n    print(error)"
    )
    assert "does not output a type we know about" in run(program, tmp_path)


@pytest.mark.parametrize(
    ("program", "loaded"),
    [
        ("import isthmus_transforms.loading", []),
        ("import isthmus_transforms.runtime, sklearn.metrics, matplotlib.figure", []),
        ("import isthmus_transforms.dataflows.carrier_days", []),
        (IMPORTS + ASKED["schema.output"], ["pandas", "pydantic"]),  # which pandera imports
    ],
)
def test_nothing_is_loaded_that_no_decorator_asked_for(
    program: str, loaded: list[str], tmp_path: Path
) -> None:
    listed = (
        "\nimport re, sys\n"
        "print(sorted(re.findall(r'hamilton.plugins.(\\w+)_extensions', ' '.join(sys.modules))))"
    )
    assert run(program + listed, tmp_path) == str(loaded)
    heavy = "\nprint(sorted({'matplotlib', 'sklearn', 'polars'} & sys.modules.keys()))"
    if "sklearn" not in program:
        assert run(program + listed + heavy, tmp_path).endswith("[]")


def test_processes_that_a_function_starts_keep_hamiltons_own_setting(tmp_path: Path) -> None:
    program = "import os, isthmus_transforms; print(os.environ.get('HAMILTON_AUTOLOAD_EXTENSIONS'))"
    assert run(program, tmp_path) == "None"
