"""A component of Airflow as a process: its own command line, with a gentler garbage collector.

Airflow builds some millions of objects while it starts and throws few away. Collecting every 700
of them costs a quarter of the start, and collecting at exit takes the API server 5 s.
"""

from __future__ import annotations

import atexit
import gc
import sys

_OBJECTS = 100_000


def main() -> None:
    """Run the Airflow command that the arguments name."""
    gc.set_threshold(_OBJECTS, 20, 100)
    atexit.register(gc.freeze)
    from airflow.__main__ import main as airflow  # noqa: PLC0415 # after the setting above

    sys.argv[0] = "airflow"
    airflow()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
