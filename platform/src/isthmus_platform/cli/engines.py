"""Check the engines of a deployment against those that its runners state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from isthmus_contracts import DataflowContract, Param, ParamError, PlainValue
from isthmus_contracts.formatting import unknown_name
from isthmus_contracts.protocol import Capabilities
from isthmus_platform.deployment import DeployedDataflow, Deployment
from isthmus_platform.errors import DeploymentError


def engine_mistakes(
    dataflow: DeployedDataflow, runners: Mapping[str, Capabilities]
) -> Iterator[DeploymentError]:
    """Yield an error for each engine and engine option that the dataflow's runner does not know.

    A runner that is missing in `runners` could not be asked, and is not checked.
    """
    settings = dataflow.settings
    if settings.runner not in runners:
        return
    engines = runners[settings.runner].engines
    for stage in (None, *settings.stages):
        used = settings.of_stage(stage)
        for key, problem in _problems(used.engine, used.engine_options, engines):
            place = _place(dataflow.contract, dataflow.deployment, stage, key)
            yield DeploymentError(dataflow.deployment.file, place, problem)


def _problems(
    engine: str, options: Mapping[str, PlainValue], engines: Mapping[str, Iterable[Param]]
) -> Iterator[tuple[str, str]]:
    """Yield the key of each mistake in the deployment file, and the message."""
    if engine not in engines:
        yield "engine", unknown_name("engine", engine, engines)
        return
    known = {param.name: param for param in engines[engine]}
    for name, value in options.items():
        if name not in known:
            problem = unknown_name("option", name, known, of=f"engine {engine!r}")
            yield "engine_options", problem
            continue
        try:
            known[name].check(value)
        except ParamError as error:
            message = f"option {name!r} of engine {engine!r} is {value!r}; allowed: {error.allowed}"
            yield "engine_options", message


def _place(dataflow: DataflowContract, deployment: Deployment, stage: str | None, key: str) -> str:
    """Return where in the deployment file the key of a dataflow or stage is set."""
    own = deployment.dataflows.get(str(dataflow.identity), {})
    place = f'[dataflows."{dataflow.identity}"]'
    own_stages = own.get("stage", {}) if isinstance(own, Mapping) else {}
    if stage is not None and key in own_stages.get(stage, {}):
        return f"{place}.stage.{stage}"
    return place if isinstance(own, Mapping) and key in own else "[defaults]"
