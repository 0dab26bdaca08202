"""Exported contracts can be read by tools of others: a model and a linter of the standard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from isthmus_contracts import (
    Checkpoint,
    Column,
    DataflowContract,
    Dataset,
    Deprecation,
    File,
    Metric,
    Metrics,
    Param,
    Table,
)
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.tools.odcs import API_VERSION, odcs_documents

LINTER = Path(sys.executable).parent / "datacontract"
# Nothing answers there: whoever asks the internet for a schema fails.
NOBODY = "http://127.0.0.1:9"
OFFLINE = {"http_proxy": NOBODY, "https_proxy": NOBODY, "no_proxy": "", "COLUMNS": "200"}

CHARACTERS = "".join(
    chr(index) for index in (*range(0x100), 0x2028, 0x2029, 0xFEFF, 0xFFFF, 0x1F600)
)
TEXTS = (
    *("yes", "no", "null", "~", "007", "1e5", "0x1f", "1_000", "12:30", "2026-01-31", "=", "<<"),
    *("- a", "# a", "a # b", "a: b", "{a: b}", "[a", "'", '"', "\\", "&a", "*a", "!!a", "%a", "@"),
    *("`", "|", "> a", "? a", "---", "...", " a ", "", "a\n---\nb", "${HOME}", "{{ a }}"),
    CHARACTERS,
)
HOSTILE = "\n".join(TEXTS)
NUMBERS = (1e20, -1e-7, 2.5e300, 0.1, 10**30, -0.0)

TABLE = Table(
    "null",
    HOSTILE,
    (
        Column("yes", "string", HOSTILE, unit=HOSTILE, choices=TEXTS),
        *(Column(f"no{i}", "float64", "", minimum=number) for i, number in enumerate(NUMBERS)),
        Column("on", "int64", "", minimum=0, maximum=2**63 - 1),
        Column("y", "bool", "", nullable=True),
        Column("true", "date", ""),
        Column("false", "timestamp", ""),
    ),
    key=("true", "yes"),
    min_rows=10**12,
)
DATASET = Dataset("no", HOSTILE, HOSTILE, (TABLE,))
BARE = Dataset("bare", "", "nobody", ())
DATAFLOW = DataflowContract(
    name="y",
    version="0.0.0",
    owner=HOSTILE,
    description=HOSTILE,
    inputs=(DATASET.input("null"),),
    outputs=(
        replace(TABLE, name="off"),
        File("file", HOSTILE, ".007"),
        Metrics("metrics", HOSTILE, (Metric("n", HOSTILE, minimum=-1e20, maximum=1e-7),)),
    ),
    params=(
        Param("on", "string", TEXTS[0], HOSTILE, choices=TEXTS),
        Param("off_", "number", 1e20, "", minimum=0, maximum=1e300),
        Param("true", "boolean", default=False, description=""),
        Param("null_", "object", {HOSTILE: HOSTILE}, HOSTILE, of="string", choices=(HOSTILE,)),
    ),
    checkpoints=(Checkpoint("false", HOSTILE),),
    deprecation=Deprecation(date(2027, 1, 31), HOSTILE),
)
DOCUMENTS = {
    **odcs_documents(CATALOG),
    **odcs_documents(Catalog((DATASET, BARE), (DATAFLOW,))),
}

# What each of the two refuses, what only the linter does, and what it warns of.
BROKEN = {
    "an unknown field": ("kind:", 'colour: "red"\nkind:'),
    "a version that is a number": ('version: "1.0.0"', "version: 1.0"),
    "a team that is no object": ("team:\n  name: ", "team: "),
}
BROKEN_FOR_THE_LINTER = {
    "an unknown type": ('logicalType: "integer"', 'logicalType: "int64"'),
    "an unknown metric": ('metric: "rowCount"', 'metric: "rows"'),
    "no identity": ('id: "nyc_flights"\n', ""),
}
DOUBTFUL = {"an unknown field of a column": ("primaryKey:", "key:")}


def _lint(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    file = folder / "contract.odcs.yaml"
    file.write_text(text, encoding="utf-8")
    return subprocess.run(
        [LINTER, "lint", file],
        env={**os.environ, **OFFLINE},
        capture_output=True,
        text=True,
        check=False,
    )


def _broken(kind: str) -> str:
    good = DOCUMENTS["nyc_flights.odcs.yaml"]
    old, new = (BROKEN | BROKEN_FOR_THE_LINTER | DOUBTFUL)[kind]
    assert old in good
    return good.replace(old, new, 1)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_model_takes_a_document_and_ignores_nothing_in_it(name: str) -> None:
    text = DOCUMENTS[name]
    read = OpenDataContractStandard.from_string(text)
    assert read.model_dump(by_alias=True, exclude_unset=True) == yaml.safe_load(text)
    assert read.apiVersion == API_VERSION


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_linter_passes_a_document_without_the_internet(name: str, tmp_path: Path) -> None:
    done = _lint(tmp_path, DOCUMENTS[name])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"valid against ODCS {API_VERSION}" in done.stdout
    assert "warning" not in done.stdout


@pytest.mark.parametrize("kind", [*BROKEN, *BROKEN_FOR_THE_LINTER])
def test_the_linter_refuses_a_broken_document(kind: str, tmp_path: Path) -> None:
    done = _lint(tmp_path, _broken(kind))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "failed" in done.stdout


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_the_linter_warns_of_a_doubtful_document(kind: str, tmp_path: Path) -> None:
    assert "warning" in _lint(tmp_path, _broken(kind)).stdout


@pytest.mark.parametrize("kind", BROKEN)
def test_the_model_refuses_a_broken_document(kind: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        OpenDataContractStandard.from_string(_broken(kind))


def test_a_hostile_text_arrives_as_it_was_declared() -> None:
    document = yaml.safe_load(DOCUMENTS["y.v0.odcs.yaml"])
    assert document["description"]["purpose"] == HOSTILE
    assert document["team"]["name"] == HOSTILE
    custom = {entry["property"]: entry["value"] for entry in document["customProperties"]}
    assert custom["replacedBy"] == HOSTILE
    assert custom["params"][0]["choices"] == list(TEXTS)
    assert json.loads(custom["params"][3]["default"]) == {HOSTILE: HOSTILE}
    (choice, *columns) = document["schema"][0]["properties"]
    assert choice["quality"][0]["arguments"]["validValues"] == list(TEXTS)
    assert choice["customProperties"] == [{"property": "unit", "value": HOSTILE}]
    read = [column["logicalTypeOptions"]["minimum"] for column in columns[: len(NUMBERS)]]
    assert read == list(NUMBERS)
    assert [column["name"] for column in columns[-4:]] == ["on", "y", "true", "false"]
