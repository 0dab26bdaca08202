"""The three trees are released together: one version, wherever it stands."""

from __future__ import annotations

import re
import tomllib
from datetime import date

import pytest
from repository import ROOT, TREES


def _project(tree: str) -> dict[str, object]:
    text = (ROOT / tree / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, object] = tomllib.loads(text)["project"]
    return project


VERSION = str(_project("contracts")["version"])


@pytest.mark.parametrize("tree", TREES)
def test_every_tree_has_the_version(tree: str) -> None:
    assert _project(tree)["version"] == VERSION


@pytest.mark.parametrize("tree", ["platform", "transforms"])
def test_a_tree_requires_contracts_of_its_own_version(tree: str) -> None:
    dependencies = _project(tree)["dependencies"]
    assert isinstance(dependencies, list)
    assert f"isthmus-contracts=={VERSION}" in dependencies


def test_the_image_is_labelled_with_the_version() -> None:
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert f"org.opencontainers.image.version={VERSION} " in text


def test_the_changelog_begins_with_the_version_and_has_a_date_for_each() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    text = text.replace("## [Unreleased]\n", "", 1)  # it has no date yet, and no version
    headings = re.findall(r"^## \[(.+)\] - (.+)$", text, re.MULTILINE)
    assert len(headings) == len(re.findall(r"^## ", text, re.MULTILINE))
    versions = [tuple(map(int, version.split("."))) for version, _ in headings]
    assert headings[0][0] == VERSION
    assert versions == sorted(set(versions), reverse=True)
    days = [date.fromisoformat(day) for _, day in headings]
    assert days == sorted(days, reverse=True)


def test_the_security_policy_names_the_version() -> None:
    minor = VERSION.rpartition(".")[0]
    assert f"| {minor} | yes |" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
