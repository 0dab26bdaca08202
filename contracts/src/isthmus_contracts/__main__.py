"""The catalog as documents: write `catalog.json`, compare it with an older one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.errors import ContractError
from isthmus_contracts.tools.compatibility import DEFAULT_LEVEL, LEVELS, compare, version_checks
from isthmus_contracts.tools.compatibility.report import Report, json_report, text_report
from isthmus_contracts.tools.compatibility.revisions import read_catalog
from isthmus_contracts.tools.document import catalog_document
from isthmus_contracts.tools.odcs import odcs_documents

_FORMATS: Mapping[str, Callable[[Report], str]] = {"text": text_report, "json": json_report}
_LEVELS = "\n".join(f"  {level:8}  {meaning}" for level, meaning in LEVELS.items())
_DIFF = f"""\
Compare the installed catalog with an older one. Each difference is breaking, additive or internal,
and asks for a major, minor or patch step of the version of its dataflow or dataset.

levels, each protecting everybody whom the one before it protects:
{_LEVELS}

exit status:
  0 every version is as it should be; 1 a version's step is too small, or a dataflow or dataset
  went without notice; 2 BASE cannot be read
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m isthmus_contracts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    document = commands.add_parser(
        "document",
        help="write catalog.json, or check that it is fresh",
        description="Write the catalog as a document; with --check, exit 1 if FILE is stale.",
    )
    document.add_argument("file", type=Path, help="where it lies: contracts/catalog.json")
    document.add_argument("--check", action="store_true", help="write nothing")
    document.set_defaults(run=_document)
    diff = commands.add_parser(
        "diff",
        help="compare the catalog with an older one",
        description=_DIFF,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    diff.add_argument(
        "base",
        metavar="BASE",
        help="a saved catalog.json, or else a git revision, such as main or HEAD~1, of the "
        "repository around the current folder",
    )
    diff.add_argument("--level", choices=LEVELS, default=DEFAULT_LEVEL, help="default: %(default)s")
    diff.add_argument("--format", choices=_FORMATS, default="text", help="default: %(default)s")
    diff.set_defaults(run=_diff)
    export = commands.add_parser(
        "export",
        help="write the catalog for other tools",
        description="Write a file for each dataset and dataflow; other files are left alone.",
    )
    export.add_argument("directory", type=Path, help="where to; it is made if it is missing")
    export.add_argument("--format", required=True, choices=["odcs"], help="what other tools read")
    export.set_defaults(run=_export)
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ContractError as error:
        print(error, file=sys.stderr)
        return 2


def _document(options: argparse.Namespace) -> int:
    file: Path = options.file
    fresh = catalog_document(CATALOG)
    if not options.check:
        file.write_text(fresh, encoding="utf-8")
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == fresh:
        return 0
    print(
        f"{file} does not match the catalog; "
        f"write it again: python -m isthmus_contracts document {file}",
        file=sys.stderr,
    )
    return 1


def _diff(options: argparse.Namespace) -> int:
    old = read_catalog(options.base)
    differences = compare(old, CATALOG, datetime.now(UTC).date())
    found = version_checks(old, CATALOG, differences, options.level)
    report = Report(options.base, options.level, differences, found)
    sys.stdout.write(_FORMATS[options.format](report))
    return 0 if report.sufficient else 1


def _export(options: argparse.Namespace) -> int:
    directory: Path = options.directory
    documents = odcs_documents(CATALOG)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in documents.items():
            (directory / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"cannot export to {directory}: {error.strerror or error}", file=sys.stderr)
        return 2
    for name in documents:
        print(directory / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
