"""Write `catalog.json`, or check that the committed one is fresh."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.document import catalog_document


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 1 if `--check` finds the file stale."""
    parser = argparse.ArgumentParser(prog="python -m isthmus_contracts", description=__doc__)
    parser.add_argument("file", type=Path, help="where the document lies: contracts/catalog.json")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it is stale")
    options = parser.parse_args(arguments)
    fresh = catalog_document(CATALOG)
    if not options.check:
        options.file.write_text(fresh, encoding="utf-8")
        return 0
    if options.file.is_file() and options.file.read_text(encoding="utf-8") == fresh:
        return 0
    print(
        f"{options.file} does not match the catalog; "
        f"write it again: python -m isthmus_contracts {options.file}",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
