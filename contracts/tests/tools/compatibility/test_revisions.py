from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus_contracts import Column, Dataset, Table
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.tools.compatibility.revisions import RevisionError, read_catalog
from isthmus_contracts.tools.document import catalog_document

SOURCE = Dataset(
    "source", "Größer.", "operations", (Table("rows", "Rows.", (Column("id", "int64", "A."),)),)
)
FIRST = Catalog((SOURCE,), ())
SECOND = Catalog((replace(SOURCE, owner="sales"),), ())


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(autouse=True)
def _no_git_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # as a hook sets them
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with three commits: without a document, with FIRST, with SECOND."""
    folder = tmp_path / "repository"
    (folder / "contracts").mkdir(parents=True)
    git(folder, "init", "--initial-branch", "main")
    git(folder, "commit", "--allow-empty", "--message", "Begin")
    for catalog in (FIRST, SECOND):
        (folder / "contracts" / "catalog.json").write_text(catalog_document(catalog), "utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "--message", "Change")
    monkeypatch.chdir(folder)
    return folder


def refusal(base: str) -> str:
    with pytest.raises(RevisionError) as caught:
        read_catalog(base)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_revision_is_read(repository: Path) -> None:
    git(repository, "tag", "v1", "HEAD~1")
    assert read_catalog("HEAD") == read_catalog("main") == SECOND
    assert read_catalog("HEAD~1") == read_catalog("v1") == FIRST


@pytest.mark.usefixtures("repository")
def test_a_revision_is_read_from_any_folder_of_the_repository(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir("contracts")
    assert read_catalog("HEAD~1") == FIRST


def test_a_revision_is_read_as_committed_and_not_as_it_lies_there(repository: Path) -> None:
    (repository / "contracts" / "catalog.json").write_text("nonsense")
    assert read_catalog("HEAD") == SECOND


def test_a_file_goes_before_a_revision(repository: Path) -> None:
    (repository / "main").write_text(catalog_document(FIRST), "utf-8")
    assert read_catalog("main") == FIRST


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("base", ["nowhere", "HEAD~9", "HEAD:contracts", "--all", "-h", "", "a b"])
def test_an_unknown_revision_is_refused(base: str) -> None:
    assert refusal(base) == f"no file and no git revision {base!r}; see `git log --all`"


@pytest.mark.usefixtures("repository")
def test_a_revision_before_there_was_a_document_is_refused() -> None:
    assert refusal("HEAD~2") == "revision 'HEAD~2' has no contracts/catalog.json"


def test_a_folder_outside_of_every_repository_has_no_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert refusal("HEAD").startswith("no file 'HEAD', and git knows no revisions here: fatal: ")


def test_without_git_there_are_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal("HEAD") == "no file 'HEAD', and no git on the PATH to look for a revision"
    (tmp_path / "saved.json").write_text(catalog_document(FIRST), "utf-8")
    assert read_catalog(str(tmp_path / "saved.json")) == FIRST


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "document: no JSON: Expecting value"),
        (b"\xff", "the document is not UTF-8 text"),
        (b'{"format": 9, "datasets": {}, "dataflows": {}}', "document: unknown format 9; known: 1"),
    ],
)
def test_a_file_that_is_no_document_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "saved.json"
    file.write_bytes(content)
    assert re.match(re.escape(f"{file}: {problem}"), refusal(str(file)))


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "saved.json"
    file.touch()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert refusal(str(file)) == f"{file}: Permission denied"


def test_a_name_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    assert refusal(str(tmp_path / ("x" * 5000))).endswith("File name too long")
