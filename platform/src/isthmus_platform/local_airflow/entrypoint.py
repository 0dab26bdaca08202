"""A component of Airflow as a process: Airflow's command line, with rarer garbage collection.

Airflow creates some millions of objects while it starts and frees few. A collection after every 700
allocations takes a quarter of the start, and the collection at exit takes the API server 5 s.
"""

from __future__ import annotations

import atexit
import gc
import sys

_COLLECT_AFTER_OBJECTS = 100_000


def main() -> None:
    """Run the Airflow command that the arguments name."""
    gc.set_threshold(_COLLECT_AFTER_OBJECTS, 20, 100)
    atexit.register(gc.freeze)
    from airflow.__main__ import main as airflow  # noqa: PLC0415 # after the setting above

    sys.argv[0] = "airflow"
    airflow()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
