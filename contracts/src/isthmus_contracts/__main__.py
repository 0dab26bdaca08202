"""The catalog as documents: write `catalog.json`, compare revisions, export."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.document import catalog_document


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
    options = parser.parse_args(arguments)
    return _document(options.file, check=options.check)


def _document(file: Path, *, check: bool) -> int:
    fresh = catalog_document(CATALOG)
    if not check:
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


if __name__ == "__main__":
    sys.exit(main())
