"""What the operators share: the deployed dataflow, the run's context, the report of errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from isthmus_contracts import ContractError
from isthmus_platform.deployment import DeployedDataflow
from isthmus_platform.errors import PlatformError, UserError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake_access import open_lake
from isthmus_platform.operators.context import run_context
from isthmus_platform.pipeline.context import Cancellation, RunContext


class DataflowOperator(BaseOperator):
    """Run a task of one dataflow, whose settings were resolved when the DAG was built."""

    def __init__(
        self,
        *,
        dataflow: DeployedDataflow,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.dataflow = dataflow
        self.cancellation = Cancellation()

    def open_lake(self) -> Lake:
        """Return the deployment's lake."""
        return open_lake(self.dataflow.deployment)

    def run_context(self, context: Context) -> RunContext:
        """Return what the pipeline needs to know of this attempt."""
        return run_context(self.dataflow.contract, context, self.log, self.cancellation)

    def on_kill(self) -> None:
        """Stop the task when Airflow says so; nothing else ends `execute`."""
        self.cancellation.request()
        super().on_kill()

    @contextmanager
    def errors_reported(self) -> Iterator[None]:
        """Fail with one clear message, and without a retry where a retry cannot help."""
        try:
            yield
        except (UserError, ContractError) as error:
            self.log.error("%s", error)  # noqa: TRY400 - a user's mistake needs no traceback
            raise AirflowFailException(str(error)) from None
        except PlatformError as error:
            self.log.error("%s", error)  # noqa: TRY400 - our traceback would add nothing
            raise AirflowException(str(error)) from None
