"""The last task of a run: publish what was accepted as one release."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus_contracts import Identity
from isthmus_platform.deployment import DeployedDataflow
from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.lake import releases
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.intermediates import remove_intermediates
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.gates import Approval
from isthmus_platform.lake.releases.queries import withdrawal_of
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.runs.pins import Pins


@dataclass(frozen=True, slots=True)
class Published:
    """Name the release of a run, and the release that is current now."""

    release: str
    current: str


def publish(  # noqa: PLR0913, PLR0917 - a run's result, and where and for whom it is published
    dataflow: DeployedDataflow,
    lake: Lake,
    run: RunContext,
    pins: Pins,
    accepted: Accepted,
    approval: Approval | None = None,
) -> Published:
    """Publish every output in one step, or none, and remove the run's intermediates.

    A repeated publication may find another release current; readers get the current one. Raise
    `PublicationError` for what cannot be published, `LakeUnavailableError` for what may work later.
    """
    contract = dataflow.contract
    _warn_of_withdrawn(dataflow, lake, run, pins)
    release = publication.publish(
        lake, contract, accepted, params=pins.params, inputs=pins.inputs, approval=approval
    )
    current = releases.current(lake, contract.identity) or release
    run.log.info("published release %s of %s", release.id, contract.identity)
    for warning in release.warnings:
        run.log.warning("%s", warning)
    if current.id != release.id:
        run.log.warning("release %s has been published since and stays current", current.id)
    if dataflow.settings.saves_checkpoints:
        _remove_intermediates(dataflow, lake, run, accepted)
    return Published(release.id, current.id)


def _warn_of_withdrawn(dataflow: DeployedDataflow, lake: Lake, run: RunContext, pins: Pins) -> None:
    """Warn of each input whose release was withdrawn after the run had pinned it."""
    sources = {declared.name: declared.source for declared in dataflow.contract.inputs}
    for name, pin in pins.inputs.items():
        source = sources.get(name)
        if pin.release is None or not isinstance(source, Identity):
            continue
        with translated(lake):
            rollback = withdrawal_of(lake, source, pin.release)
        if rollback is not None:
            run.log.warning(
                "input %r is of release %s of %s, which %s withdrew at %s; clear 'ingest' to read "
                "the current release",
                *(name, pin.release, source, rollback.by, rollback.at),
            )


def _remove_intermediates(
    dataflow: DeployedDataflow, lake: Lake, run: RunContext, accepted: Accepted
) -> None:
    try:
        remove_intermediates(lake, dataflow.contract.identity, accepted.run)
    except LakeUnavailableError as error:  # the release is published; a garbage collection follows
        run.log.warning("the run's intermediates stay for now: %s", error)
