"""What the three operators share: the dataflow that they serve, and how they tell a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from isthmus_contracts import ContractError, DataflowContract
from isthmus_contracts.catalog import CATALOG
from isthmus_platform.deployment import Deployment
from isthmus_platform.errors import LakeUnavailableError, RunnerError, UserError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake_access import open_lake
from isthmus_platform.runs import RunRecord


class DataflowOperator(BaseOperator):
    """Serve one dataflow of the catalog, named by its identity."""

    def __init__(self, *, dataflow: str, **kwargs: Any) -> None:  # Airflow's own arguments
        super().__init__(**kwargs)
        self.dataflow = dataflow

    @property
    def contract(self) -> DataflowContract:
        """Return the contract that both teams signed."""
        return CATALOG.dataflow(self.dataflow)

    def lake(self, deployment: Deployment) -> Lake:
        """Return the deployment's lake."""
        return open_lake(deployment)

    def record(self, deployment: Deployment, run_id: str) -> RunRecord:
        """Return the record of one of the dataflow's runs."""
        return RunRecord(Path(deployment.runs.root), self.contract.identity, run_id)

    @contextmanager
    def errors_reported(self) -> Iterator[None]:
        """Fail with one clear message, and at once for what a retry cannot mend."""
        try:
            yield
        except (UserError, ContractError) as error:
            self.log.error("%s", error)  # noqa: TRY400 - a mistake is told without a traceback
            raise AirflowFailException(str(error)) from None
        except (LakeUnavailableError, RunnerError) as error:
            self.log.error("%s", error)  # noqa: TRY400 - of these, our traceback says nothing more
            raise AirflowException(str(error)) from None
