from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.__main__ import main
from isthmus_contracts.catalog import AIRPORT_DAYS, CATALOG, Catalog
from isthmus_contracts.tools.document import catalog_document
from isthmus_contracts.tools.odcs import odcs_documents


def test_the_document_is_written(tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    assert main(["document", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == catalog_document(CATALOG)


def test_a_fresh_document_passes_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "catalog.json"
    main(["document", str(file)])
    assert main(["document", str(file), "--check"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("content", ["", "{}\n", None])
def test_a_stale_or_missing_document_is_reported_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    file = tmp_path / "catalog.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert main(["document", "--check", str(file)]) == 1
    assert capsys.readouterr().err == (
        f"{file} does not match the catalog; "
        f"write it again: python -m isthmus_contracts document {file}\n"
    )
    assert (file.read_text(encoding="utf-8") if file.exists() else None) == content


@pytest.mark.parametrize(("arguments", "missing"), [([], "COMMAND"), (["document"], "file")])
def test_a_command_and_its_file_must_be_named(
    capsys: pytest.CaptureFixture[str], arguments: list[str], missing: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert f"the following arguments are required: {missing}" in capsys.readouterr().err


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def older(dataflow: DataflowContract) -> Catalog:
    """Return the catalog with another `airport_days`, which nobody reads."""
    dataflows = (dataflow if known is AIRPORT_DAYS else known for known in CATALOG.dataflows)
    return replace(CATALOG, dataflows=tuple(dataflows))


FEWER_OUTPUTS = older(replace(AIRPORT_DAYS, outputs=AIRPORT_DAYS.outputs[:1]))
LESSER = older(replace(AIRPORT_DAYS, version="0.0.1", owner="nobody"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository whose last commit is of an older catalog."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    (tmp_path / "contracts").mkdir()
    git(tmp_path, "init")
    (tmp_path / "contracts" / "catalog.json").write_text(catalog_document(FEWER_OUTPUTS), "utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "Begin")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_catalog_does_not_differ_from_what_was_just_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "catalog.json"
    main(["document", str(file)])
    assert main(["diff", str(file)]) == 0
    assert capsys.readouterr() == (f"no difference from {file}\n"[:100], "")


@pytest.mark.usefixtures("repository")
def test_a_step_too_small_since_a_revision_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "HEAD"]) == 1
    text, error = capsys.readouterr()
    assert (
        f"dataflow {AIRPORT_DAYS.identity} ({AIRPORT_DAYS.owner})\n  additive  output-added  "
        in text
    )
    assert (
        f"  {AIRPORT_DAYS.name} {AIRPORT_DAYS.version} -> {AIRPORT_DAYS.version}: additive, so "
        in text
    )
    assert text.endswith(f"still to do: dataflow {AIRPORT_DAYS.identity}\n")
    assert error == ""


@pytest.mark.usefixtures("repository")
def test_a_level_may_ask_for_another_step(capsys: pytest.CaptureFixture[str]) -> None:
    Path("saved.json").write_text(
        catalog_document(older(replace(AIRPORT_DAYS, description="Other."))), "utf-8"
    )
    for level, demanded in (("readers", "patch"), ("wording", "major")):
        assert main(["diff", "saved.json", "--level", level, "--format", "json"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert document["level"] == level
        assert [check["required_bump"] for check in document["version_checks"]] == [demanded]


def test_a_step_that_is_large_enough_is_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "saved.json"
    file.write_text(catalog_document(LESSER), "utf-8")
    assert main(["diff", str(file)]) == 0
    assert capsys.readouterr().out.endswith("every version is as it should be\n")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("base", ["nowhere", "contracts", "HEAD~1"])
def test_a_base_that_cannot_be_read_is_a_mistake_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], base: str
) -> None:
    assert main(["diff", base]) == 2
    text, error = capsys.readouterr()
    assert (text, error.count("\n")) == ("", 1)
    assert base in error


@pytest.mark.parametrize("wrong", [["--level", "all"], ["--format", "yaml"]])
def test_an_unknown_level_or_format_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["diff", "HEAD", *wrong])
    assert "choose from" in capsys.readouterr().err


def test_help_says_the_levels_and_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["diff", "--help"])
    text = capsys.readouterr().out
    for words in ("readers", "callers", "wording", "git revision", "exit status"):
        assert words in text


def test_it_runs_as_a_module(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "isthmus_contracts", "diff", "HEAD"],
        cwd=repository / "contracts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_the_catalog_is_exported_and_other_files_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        assert main(["export", "--format", "odcs", str(folder)]) == 0
        (folder / "old.odcs.yaml").touch()
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert written == {**odcs_documents(CATALOG), "old.odcs.yaml": ""}
    named = [str(folder / name) for name in odcs_documents(CATALOG)]
    assert capsys.readouterr().out.splitlines() == named * 2


@pytest.mark.parametrize(("blocked", "reason"), [("", "File exists"), ("sub", "Not a directory")])
def test_an_export_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], blocked: str, reason: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert main(["export", "--format", "odcs", str(file / blocked)]) == 2
    assert capsys.readouterr() == ("", f"cannot export to {file / blocked}: {reason}\n")


@pytest.mark.parametrize("arguments", [["export", "x"], ["export", "--format", "dbt", "x"]])
def test_an_export_needs_a_known_format(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "--format" in capsys.readouterr().err
