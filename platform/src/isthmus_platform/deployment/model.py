"""A deployment, and each dataflow with the settings that the deployment resolves for it."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from isthmus_contracts import DataflowContract, UnknownNameError
from isthmus_contracts.catalog import Catalog
from isthmus_platform.deployment.decoding import decode_section
from isthmus_platform.deployment.sections import LakeLocation, Runner, RunsLocation, Source
from isthmus_platform.deployment.settings import Settings, mismatches
from isthmus_platform.errors import DeploymentError, joined


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
    """Hold a deployment file whose common part is sound; each dataflow's part is read on demand.

    `content` is the file as it was read, in which `${NAME}` stands for an environment variable.
    """

    file: Path
    lake: LakeLocation
    runs: RunsLocation
    sources: Mapping[str, Source]
    runners: Mapping[str, Runner]
    defaults: Mapping[str, object]
    dataflows: Mapping[str, object]
    content: bytes = field(default=b"", repr=False)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def variables(self) -> list[str]:
        """Return the names of the environment variables that the file names."""
        return string.Template(self.content.decode()).get_identifiers()

    def deploy(self, contract: DataflowContract) -> DeployedDataflow:
        """Return a dataflow with its resolved settings, or raise `DeploymentError`."""
        return DeployedDataflow(contract, self.settings(contract), self)

    def settings(self, dataflow: DataflowContract) -> Settings:
        """Return how a dataflow runs here, or raise `DeploymentError` with every mistake."""
        name = str(dataflow.identity)
        own = self.dataflows.get(name, {})
        place = f'[dataflows."{name}"]'
        mistakes = list(self._missing_sources(dataflow))
        part = _merged(self.defaults, own) if isinstance(own, Mapping) else own
        try:
            settings = decode_section(Settings, part, self.file, place)
        except DeploymentError as error:
            raise joined([error, *mistakes]) from None
        if settings.runner not in self.runners:
            problem = str(UnknownNameError("runner", settings.runner, self.runners))
            where = place if isinstance(own, Mapping) and "runner" in own else "[defaults]"
            mistakes.append(DeploymentError(self.file, where, problem))
        mistakes += [
            DeploymentError(self.file, place, problem) for problem in mismatches(dataflow, settings)
        ]
        if mistakes:
            raise joined(mistakes)
        return settings

    def _missing_sources(self, dataflow: DataflowContract) -> Iterator[DeploymentError]:
        datasets = [read.source for read in dataflow.inputs if isinstance(read.source, str)]
        for name in dict.fromkeys(datasets):
            if name not in self.sources:
                problem = str(UnknownNameError("source", name, self.sources))
                yield DeploymentError(self.file, f"[sources.{name}]", problem)

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
