"""`python -m isthmus_transforms.cli`: the same as `isthmus`."""

from __future__ import annotations

import sys

from isthmus_transforms.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
