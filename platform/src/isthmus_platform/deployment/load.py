"""Loading a deployment file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from isthmus_contracts import UnknownNameError
from isthmus_platform.deployment.decoding import decode_section
from isthmus_platform.deployment.model import Deployment
from isthmus_platform.deployment.sections import LakeLocation, Runner, RunsLocation, Source
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.errors import DeploymentError, joined

FILE_VARIABLE = "ISTHMUS_DEPLOYMENT"
LOCAL = Path(__file__).parent / "local.toml"

_PARTS = ("lake", "runs", "sources", "runners", "defaults", "dataflows")

UNKNOWN_RUNNER = Runner(("unknown",), "/")
"""What stands for a runner in whose section there is a mistake."""

S = TypeVar("S")
T = TypeVar("T")


def load_deployment(file: Path | None = None) -> Deployment:
    """Return the deployment in `file`, by default the one that `ISTHMUS_DEPLOYMENT` names.

    `${NAME}` in a text stands for an environment variable. Raise `DeploymentError`, with every
    mistake, if the file does not exist or its common part has mistakes.
    """
    path = deployment_file() if file is None else file
    return parse_deployment(path, read_deployment(path))


def deployment_file() -> Path:
    """Return the path of the file that `ISTHMUS_DEPLOYMENT` names, or of the built-in one."""
    return Path(os.environ.get(FILE_VARIABLE, LOCAL))


def read_deployment(path: Path) -> bytes:
    """Return the content of a deployment file; raise `DeploymentError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DeploymentError(path, "file", f"it cannot be read: {error.strerror}") from None


def parse_deployment(path: Path, content: bytes) -> Deployment:
    """Return the deployment that a file at `path` with this content says."""
    deployment, mistakes = draft_deployment(path, content)
    if mistakes:
        raise joined(mistakes)
    return deployment


def draft_deployment(path: Path, content: bytes) -> tuple[Deployment, list[DeploymentError]]:
    """Return a deployment and the mistakes in its common part, so that `check` goes on with it.

    A section with a mistake has a stand-in that must not be used. Raise `DeploymentError` for what
    is not TOML.
    """
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(path, "file", f"it is not valid TOML: {error}") from None
    mistakes = [
        DeploymentError(path, f"[{name}]", str(UnknownNameError("part", name, _PARTS)))
        for name in document
        if name not in _PARTS
    ]

    def section(cls: type[T], part: object, where: str, stand_in: S) -> T | S:
        try:
            return decode_section(cls, part, path, where)
        except DeploymentError as error:
            mistakes.append(error)
            return stand_in

    def table(name: str) -> Mapping[str, object]:
        part = document.get(name, {})
        if isinstance(part, Mapping):
            return part
        mistakes.append(DeploymentError(path, f"[{name}]", f"expected a table, got {part!r}"))
        return {}

    defaults = table("defaults")
    sound = section(Settings, defaults, "[defaults]", None) is not None
    deployment = Deployment(
        file=path,
        lake=section(LakeLocation, document.get("lake", {}), "[lake]", LakeLocation("/")),
        runs=section(RunsLocation, document.get("runs", {}), "[runs]", RunsLocation("/")),
        sources={
            name: section(Source, part, f"[sources.{name}]", Source(""))
            for name, part in table("sources").items()
        },
        runners={
            name: section(Runner, part, f"[runners.{name}]", UNKNOWN_RUNNER)
            for name, part in table("runners").items()
        },
        defaults=defaults if sound else {},
        dataflows=table("dataflows"),
        content=content,
    )
    return deployment, mistakes
