"""Check the engines of a deployment against those that its runners state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from isthmus_contracts import DataflowContract, Param, ParamError, ParamValue
from isthmus_contracts.protocol import Capabilities
from isthmus_platform.deployment import Deployment
from isthmus_platform.errors import DeploymentError


def engine_mistakes(
    dataflow: DataflowContract, deployment: Deployment, runners: Mapping[str, Capabilities]
) -> Iterator[DeploymentError]:
    """Yield an error for each engine and engine option that the dataflow's runner does not know.

    A runner that is missing in `runners` could not be asked, and is not checked.
    """
    settings = deployment.settings(dataflow)
    if settings.runner not in runners:
        return
    engines = runners[settings.runner].engines
    for stage in (None, *settings.stages):
        used = settings.of_stage(stage)
        for key, problem in _problems(used.engine, used.engine_options, engines):
            place = _place(dataflow, deployment, stage, key)
            yield DeploymentError(deployment.file, place, problem)


def _problems(
    engine: str, options: Mapping[str, ParamValue], engines: Mapping[str, Iterable[Param]]
) -> Iterator[tuple[str, str]]:
    """Yield the key of each mistake in the deployment file, and the message."""
    if engine not in engines:
        yield "engine", _unknown("engine", engine, engines)
        return
    known = {param.name: param for param in engines[engine]}
    for name, value in options.items():
        if name not in known:
            yield "engine_options", _unknown("option", name, known, f" of engine {engine!r}")
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


def _unknown(kind: str, name: str, known: Iterable[str], of: str = "") -> str:
    names = list(known)
    if close := get_close_matches(name, names, n=1):
        return f"unknown {kind} {name!r}{of}; did you mean {close[0]!r}?"
    return f"unknown {kind} {name!r}{of}; known: {', '.join(map(repr, names)) or 'none'}"
