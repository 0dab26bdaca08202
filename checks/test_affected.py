"""`nox -s affected -- BASE` says who must approve and what must run, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import affected
import pytest
from repository import ROOT

from isthmus_contracts import Column, DataflowContract, File, Param, Table
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.tools.document import catalog_document

PLATFORM = "@isthmus/platform"
DATA = "@isthmus/data-science"
DAGS = "platform/src/isthmus_platform/dags/builder.py"
NODES = "transforms/src/isthmus_transforms/dataflows/tides/heights.py"
CATALOG = "contracts/catalog.json"
MODULE = "contracts/src/isthmus_contracts/catalog/tides.py"
PROTOCOL = "contracts/src/isthmus_contracts/protocol/messages.py"

TIDES = DataflowContract(
    name="tides",
    version="1.0.0",
    owner="data-science",
    description="Computes tides.",
    inputs=(),
    outputs=(Table("heights", "One row per hour.", (Column("hour", "int64", "Hour."),)),),
)
CHART = File("chart", "A chart.", ".png")
MORE = replace(TIDES, version="1.1.0", outputs=(*TIDES.outputs, CHART))
LESS = replace(TIDES, version="2.0.0", outputs=(CHART,))
OTHER_PARAMS = replace(TIDES, version="1.1.0", params=(Param("days", "integer", 3, "Days ahead."),))


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def _write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("a", encoding="utf-8") as file:
            file.write(f"something more about {path}\n")


def _agree(root: Path, dataflow: DataflowContract) -> None:
    _write(root, MODULE)
    (root / CATALOG).write_text(catalog_document(Catalog((), (dataflow,))), encoding="utf-8")


def _commit(root: Path, message: str = "Change") -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", message)


EVERY = [
    *("contracts", "odcs", "platform", "transforms", "boundaries", "integration", "compose"),
    *("release", "coverage"),
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    root = tmp_path / "repository"
    root.mkdir()
    _git(root, "init", "-q", "-b", "main")
    _write(root, DAGS, NODES, PROTOCOL)
    _agree(root, TIDES)
    _commit(root)
    _git(root, "switch", "-q", "-c", "work")
    monkeypatch.chdir(root)
    return root


def _document(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    status = affected.main(["main", "--format", "json"])
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    assert status == (1 if document["refused"] else 0)
    return document


def _demands(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    document = _document(capsys)
    return {key: document[key] for key in ("teams", "one_of", "informed", "refused")}


def _demand(*teams: str, informed: tuple[str, ...] = ()) -> dict[str, object]:
    return {"teams": [*teams], "one_of": [], "informed": [*informed], "refused": False}


@pytest.mark.usefixtures("root")
def test_nothing_changed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert affected.main(["main"]) == 0
    assert capsys.readouterr().out.startswith("Nothing changed since main (")
    assert affected.main(["main", "--format", "github"]) == 0
    assert capsys.readouterr().out == "sessions=[]\nteams=[]\none_of=[]\n"


def test_a_change_of_the_platform_needs_its_team(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(root, DAGS)
    assert _demands(capsys) == _demand(PLATFORM)


def test_a_new_file_of_a_dataflow_needs_its_owner(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(root, NODES.replace("heights", "new"))
    assert _demands(capsys) == _demand(DATA)


def test_an_addition_to_a_contract_needs_its_owner_and_the_platform_is_informed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _agree(root, MORE)
    _commit(root)
    assert _demands(capsys) == _demand(DATA, informed=(PLATFORM,))


@pytest.mark.parametrize("after", [LESS, OTHER_PARAMS], ids=["breaking", "input"])
def test_what_breaks_or_asks_for_something_else_needs_both(
    after: DataflowContract, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _agree(root, after)
    assert _demands(capsys) == _demand(DATA, PLATFORM)


def test_an_addition_beside_another_contract_needs_both(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _agree(root, MORE)
    _write(root, PROTOCOL)
    document = _document(capsys)
    assert document["teams"] == [DATA, PLATFORM]
    assert document["informed"] == []
    assert document["sessions"] == EVERY


def test_both_trees_at_once_are_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(root, DAGS)
    _commit(root)
    _write(root, NODES)
    assert affected.main(["main"]) == 1
    output = capsys.readouterr().out
    assert "Refused: one change touches platform/ and transforms/, and no contract.\n" in output
    assert "say why in a commit message: Crosses-Border: REASON\n" in output


def test_a_rename_across_trees_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _git(root, "mv", DAGS, NODES.replace("heights", "linear"))
    assert _demands(capsys) == {**_demand(DATA, PLATFORM), "refused": True}


def test_both_trees_with_their_contract_are_one_change(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(root, DAGS, NODES)
    _agree(root, MORE)
    assert _demands(capsys) == _demand(DATA, PLATFORM)


def test_a_reason_lets_both_trees_pass_and_is_printed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(root, DAGS, NODES)
    _commit(root, "Rename\n\nCrosses-Border: one word for\x1b[31m both")
    assert affected.main(["main"]) == 0
    assert "Crosses the border on purpose: one word for?[31m both\n" in capsys.readouterr().out


def test_an_empty_reason_does_not_count(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(root, DAGS, NODES)
    _commit(root, "Rename\n\nCrosses-Border:")
    assert _document(capsys)["refused"] is True


def test_the_text_says_who_what_and_why(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _agree(root, MORE)
    _write(root, "README.md")
    assert affected.main(["main"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("Changed since main (")
    assert rest == [
        "",
        "the catalog: offered in addition: dataflow tides.v1, chart (output-added)",
        f"  paths     {CATALOG} and 1 more",
        f"  approval  {DATA}; {PLATFORM} is informed",
        f"  sessions  {', '.join(EVERY)}",
        "",
        "pages for readers",
        "  paths     README.md",
        f"  approval  either {DATA} or {PLATFORM}",
        "  sessions  boundaries",
        "",
        f"Must approve: {DATA}",
        f"Is informed:  {PLATFORM}",
        f"Must run:     nox -s {' '.join(EVERY)}",
    ]


def test_a_page_alone_needs_either_team(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(root, "docs/page.md")
    assert affected.main(["main"]) == 0
    output = capsys.readouterr().out
    assert f"Must approve: {DATA} or {PLATFORM}; either is enough\n" in output


def test_a_workflow_gets_its_lines_in_a_file_and_the_reader_the_text(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(root, DAGS, "platform/one\nteams=[]")
    output = tmp_path / "output"
    output.write_text("before=1\n", encoding="utf-8")
    assert affected.main(["main", "--format", "github", "--output", str(output)]) == 0
    assert output.read_text(encoding="utf-8").splitlines() == [
        "before=1",
        'sessions=["platform", "boundaries", "integration", "release", "coverage"]',
        f'teams=["{PLATFORM}"]',
        "one_of=[]",
    ]
    assert "platform/one?teams=[] and 1 more" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_one_sentence(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert affected.main(["main", "--output", str(root)]) == 2
    assert capsys.readouterr() == ("", f"{root} cannot be written: Is a directory\n")


def test_the_document_has_these_keys(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(root, DAGS)
    document = _document(capsys)
    assert document["judgements"] == [
        {
            "paths": [DAGS],
            "reason": "the platform",
            "sessions": ["platform", "boundaries", "integration", "release", "coverage"],
            "teams": [PLATFORM],
            "one_of": [],
            "informed": [],
            "version_problems": [],
        }
    ]
    assert list(document) == [
        *("base", "teams", "one_of", "informed", "sessions"),
        *("crosses_border", "reasons", "version_problems", "refused", "judgements"),
    ]


@pytest.mark.usefixtures("root")
def test_an_unknown_base_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert affected.main(["nowhere"]) == 2
    sentence = "there is no revision 'nowhere' here; fetch it, or name another\n"
    assert capsys.readouterr() == ("", sentence)


def test_no_repository_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert affected.main(["main"]) == 2
    assert capsys.readouterr() == ("", f"{tmp_path} is in no git repository\n")


def test_help_shows_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        affected.main(["--help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    for rule in affected.RULES:
        assert all(pattern in output for pattern in rule.patterns)


def test_the_command_runs_as_a_script(root: Path) -> None:
    _write(root, DAGS)
    command = [sys.executable, ROOT / "checks" / "affected.py", "main", "--format", "github"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "contracts" / "src")}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.startswith('sessions=["platform"')


def test_a_contract_without_the_step_of_its_version_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _agree(root, replace(MORE, version="1.0.1"))
    assert affected.main(["main"]) == 1
    refusal = "Refused: dataflow tides.v1 has version 1.0.1; 1.1.0 is required.\n"
    assert refusal in capsys.readouterr().out
    document = _document(capsys)
    assert document["version_problems"] == [
        "dataflow tides.v1 has version 1.0.1; 1.1.0 is required"
    ]


def test_a_dataflow_that_goes_without_notice_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _agree(root, replace(TIDES, name="waves"))
    assert affected.main(["main"]) == 1
    assert "dataflow tides.v1 went without notice" in capsys.readouterr().out
