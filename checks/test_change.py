"""A change is read from git whole: what is committed and what is not, new, gone and renamed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from change import Change, ChangeError, read_change


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _write(root: Path, path: str, text: str = "x\n") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def _commit(root: Path, message: str = "Change") -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "--allow-empty", "-m", message)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    root = tmp_path / "repository"
    root.mkdir()
    _git(root, "init", "-q", "-b", "main")
    _write(root, ".gitignore", "ignored/\n")
    _write(root, "platform/cli.py", "one\ntwo\nthree\n")
    _write(root, "contracts/catalog.json", "before\n")
    _commit(root)
    _git(root, "switch", "-q", "-c", "work")
    return root


def _paths(root: Path) -> tuple[str, ...]:
    return read_change(root, "main").paths


def test_nothing_changed(root: Path) -> None:
    assert read_change(root, "main") == Change(
        base=_git(root, "rev-parse", "main"),
        paths=(),
        catalog_before="before\n",
        catalog_after="before\n",
    )


def test_committed_and_uncommitted_and_new_files_are_read(root: Path) -> None:
    _write(root, "committed.py")
    _commit(root)
    _write(root, "staged.py")
    _git(root, "add", "staged.py")
    _write(root, "platform/cli.py", "edited\n")
    _write(root, "new folder/größe.py")
    _write(root, "ignored/module.py")
    assert _paths(root) == (
        "committed.py",
        "new folder/größe.py",
        "platform/cli.py",
        "staged.py",
    )


def test_everything_is_read_from_inside_a_folder_too(root: Path) -> None:
    _git(root, "config", "diff.relative", "true")
    _write(root, "committed.py")
    _commit(root)
    _write(root, "new.py")
    assert read_change(root / "platform", "main").paths == ("committed.py", "new.py")


def test_a_renamed_file_counts_on_both_paths(root: Path) -> None:
    _git(root, "config", "diff.renames", "copies")
    (root / "transforms").mkdir()
    _git(root, "mv", "platform/cli.py", "transforms/cli.py")
    assert _paths(root) == ("platform/cli.py", "transforms/cli.py")
    _commit(root)
    assert _paths(root) == ("platform/cli.py", "transforms/cli.py")


def test_a_deleted_file_counts(root: Path) -> None:
    (root / "platform" / "cli.py").unlink()
    assert _paths(root) == ("platform/cli.py",)


def test_what_the_base_did_meanwhile_does_not_count(root: Path) -> None:
    _git(root, "switch", "-q", "main")
    _write(root, "meanwhile.py")
    _write(root, "contracts/catalog.json", "meanwhile\n")
    _commit(root, "Meanwhile\n\nCrosses-Border: not ours")
    _git(root, "switch", "-q", "work")
    _write(root, "ours.py")
    _commit(root)
    found = read_change(root, "main")
    assert (found.paths, found.reasons, found.catalog_before) == (("ours.py",), (), "before\n")


def test_the_catalog_is_read_before_and_after(root: Path) -> None:
    _write(root, "contracts/catalog.json", "after\n")
    found = read_change(root, "main")
    assert (found.catalog_before, found.catalog_after) == ("before\n", "after\n")
    (root / "contracts" / "catalog.json").unlink()
    assert read_change(root, "main").catalog_after is None


def test_reasons_are_read_from_the_messages_of_commits(root: Path) -> None:
    _commit(root, "One\n\nWhy it is so.\n\nCrosses-Border: a rename\n on both sides")
    _commit(root, "Two\n\ncrosses-border: a rename on both sides\nCrosses-Border: and a lock")
    assert read_change(root, "main").reasons == ("a rename on both sides", "and a lock")


@pytest.mark.parametrize(
    "message",
    [
        "One\n\nCrosses-Border:",
        "One\n\nCrosses-Border:   ",
        "Crosses-Border: in the subject",
        "One\n\nCrosses-Border: in the body\n\nand more of it",
    ],
)
def test_a_reason_has_to_be_a_trailer_with_words(message: str, root: Path) -> None:
    _commit(root, message)
    assert read_change(root, "main").reasons == ()


@pytest.mark.parametrize("revision", ["nowhere", "", "--output=x", "-h", "main:platform", "0" * 40])
def test_an_unknown_revision_is_one_sentence(revision: str, root: Path) -> None:
    with pytest.raises(ChangeError) as raised:
        read_change(root, revision)
    assert str(raised.value) == (
        f"there is no revision {revision!r} here; fetch it, or name another"
    )
    assert not (root / "x").exists()


def test_a_revision_that_shares_nothing_is_one_sentence(root: Path) -> None:
    _git(root, "switch", "-q", "--orphan", "other")
    _commit(root)
    with pytest.raises(ChangeError, match=r"HEAD and 'main' share no commit; fetch the whole"):
        read_change(root, "main")


def test_no_repository_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ChangeError, match=r"is in no git repository$"):
        read_change(tmp_path, "main")


def test_no_git_is_one_sentence(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ChangeError, match=r"^git is not installed; install it$"):
        read_change(root, "main")


def test_a_git_that_stops_is_no_empty_change(root: Path) -> None:
    blob = _git(root, "rev-parse", "HEAD^{tree}")
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(ChangeError, match=r"^git diff stops: "):
        read_change(root, "main")
