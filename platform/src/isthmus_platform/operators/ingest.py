"""The operator of the first task: pin what the run reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow.sdk import Context, conf

from isthmus_contracts.codec import serialize
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.pipeline.intervals import check_fan_out, parts_of

_MAX_MAP_LENGTH = 1024  # Airflow's own default


class IngestOperator(DataflowOperator):
    """Pin what the run reads, once for all its tasks; return the pins.

    With `fan_out`, return them once for each part of the run's interval, so that Airflow can map
    the next task over them.
    """

    def __init__(
        self,
        *,
        fan_out: bool = False,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.fan_out = fan_out

    def execute(self, context: Context) -> dict[str, object] | list[dict[str, object]]:
        """Resolve params and interval, ingest each source table, pin a version of each input."""
        from isthmus_platform.pipeline.ingest import ingest

        contract = self.dataflow.contract
        with self.errors_reported():
            run = self.run_context(context)
            if self.fan_out:
                most = conf.getint("core", "max_map_length", fallback=_MAX_MAP_LENGTH)
                check_fan_out(contract, run.interval, most)
            pins = ingest(self.dataflow, self.open_lake(), run)
        if self.fan_out:
            parts = parts_of(contract, pins.interval)
            return [serialize(replace(pins, interval=part)) for part in parts]
        return serialize(pins)
