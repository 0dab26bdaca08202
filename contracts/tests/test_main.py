from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_contracts.__main__ import main
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.document import catalog_document


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
