"""A deployment, and each dataflow with the settings that the deployment resolves for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from isthmus_contracts import DataflowContract, ProtocolError, UnknownNameError
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.codec import deserialize
from isthmus_platform.deployment.sections import LakeLocation, Runner, RunsLocation, Source
from isthmus_platform.deployment.settings import Settings, mismatches
from isthmus_platform.errors import DeploymentError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class DeployedDataflow:
    """Hold a dataflow's contract, its resolved settings, and the deployment that it runs in.

    With `stop_at`, it is the stage that computes no further than this checkpoint or output.
    Airflow may write the representation into its database, so it shows no setting.
    """

    contract: DataflowContract
    settings: Settings
    deployment: Deployment
    stop_at: str | None = None

    def __repr__(self) -> str:
        return f"DeployedDataflow({str(self.contract.identity)!r})"

    @property
    def runner(self) -> Runner:
        """Return the runner that computes the dataflow."""
        return self.deployment.runners[self.settings.runner]

    def stage(self, stop_at: str | None) -> DeployedDataflow:
        """Return the stage that ends at `stop_at`; None is the last stage."""
        return replace(self, settings=self.settings.of_stage(stop_at), stop_at=stop_at)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Hold a deployment file whose common part is sound; each dataflow's part is read on demand."""

    file: Path
    lake: LakeLocation
    runs: RunsLocation
    sources: Mapping[str, Source]
    runners: Mapping[str, Runner]
    defaults: Mapping[str, object]
    dataflows: Mapping[str, object]

    def deploy(self, contract: DataflowContract) -> DeployedDataflow:
        """Return a dataflow with its resolved settings, or raise `DeploymentError`."""
        return DeployedDataflow(contract, self.settings(contract), self)

    def settings(self, dataflow: DataflowContract) -> Settings:
        """Return how a dataflow runs here, or raise `DeploymentError`."""
        name = str(dataflow.identity)
        own = self.dataflows.get(name, {})
        place = f'[dataflows."{name}"]'
        if not isinstance(own, Mapping):
            raise DeploymentError(self.file, place, f"expected a table, got {own!r}")
        settings = decode_section(Settings, _merged(self.defaults, own), self.file, place)
        if settings.runner not in self.runners:
            error = UnknownNameError("runner", settings.runner, self.runners)
            where = place if "runner" in own else "[defaults]"
            raise DeploymentError(self.file, where, str(error))
        for declared in dataflow.inputs:
            if isinstance(declared.source, str) and declared.source not in self.sources:
                error = UnknownNameError("source", declared.source, self.sources)
                raise DeploymentError(self.file, f"[sources.{declared.source}]", str(error))
        for problem in mismatches(dataflow, settings):
            raise DeploymentError(self.file, place, problem)
        return settings

    def unknown_dataflows(self, catalog: Catalog) -> dict[str, DeploymentError]:
        """Return an error for each part that is for a dataflow which the catalog does not have."""
        known = [str(dataflow.identity) for dataflow in catalog.dataflows]
        return {
            name: DeploymentError(
                self.file, f'[dataflows."{name}"]', str(UnknownNameError("dataflow", name, known))
            )
            for name in self.dataflows
            if name not in known
        }

    def unknown_sources(self, catalog: Catalog) -> Iterator[DeploymentError]:
        """Yield an error for each source of no dataset, and each table that its dataset lacks."""
        tables = {
            dataset.name: [table.name for table in dataset.tables] for dataset in catalog.datasets
        }
        for name, source in self.sources.items():
            place = f"[sources.{name}]"
            if name not in tables:
                error = UnknownNameError("dataset", name, tables)
                yield DeploymentError(self.file, place, str(error))
                continue
            for table in source.tables:
                if table not in tables[name]:
                    error = UnknownNameError("table", table, tables[name])
                    yield DeploymentError(self.file, f"{place}.tables", str(error))


def _merged(defaults: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of a dataflow; it inherits no options of an engine that it replaces."""
    merged = {**defaults, **own}
    if merged.get("engine") != defaults.get("engine") and "engine_options" not in own:
        merged.pop("engine_options", None)
    return merged


def decode_section(cls: type[T], part: object, file: Path, where: str) -> T:
    """Return the section as a `cls`, or raise `DeploymentError` that names `where`."""
    try:
        return deserialize(cls, part, where)
    except ProtocolError as error:
        raise DeploymentError(file, error.where, error.problem) from None
    except ValueError as error:
        raise DeploymentError(file, where, str(error)) from None
