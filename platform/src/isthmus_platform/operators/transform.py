"""The operator of the second task, or of each stage."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.xcom import pins_from
from isthmus_platform.runs.pins import Pins


class TransformOperator(DataflowOperator):
    """Run the dataflow's functions in a process of their own; return what was accepted.

    The run's pins are those that the task `pins_from` returned, or `pins`, over which it is mapped.
    A stage that is not the last saves its intermediates and returns nothing.
    """

    template_fields = ("pins",)  # so that Airflow resolves what it is mapped over

    def __init__(
        self,
        *,
        pins_from: str | None = None,
        pins: object = None,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.pins_from = pins_from
        self.pins = pins

    def execute(self, context: Context) -> dict[str, object] | None:
        """Have a runner compute, and accept its result."""
        from isthmus_platform.pipeline.transform import transform, transform_stage

        with self.errors_reported():
            lake, run = self.open_lake(), self.run_context(context)
            if self.dataflow.stop_at is not None:
                transform_stage(self.dataflow, lake, run, lambda: self._pins(context))
                return None
            return serialize(transform(self.dataflow, lake, run, lambda: self._pins(context)))

    def _pins(self, context: Context) -> Pins:
        if self.pins_from is not None:
            return pins_from(context, self.pins_from)
        return deserialize(Pins, self.pins, "pins")
