"""Loading a deployment file."""

from __future__ import annotations

import os
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from isthmus_contracts import UnknownNameError
from isthmus_platform.deployment.model import Deployment, decode_section
from isthmus_platform.deployment.sections import LakeLocation, Runner, RunsLocation, Source
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.errors import DeploymentError

FILE_VARIABLE = "ISTHMUS_DEPLOYMENT"
LOCAL = Path(__file__).parent / "local.toml"

T = TypeVar("T")


def load_deployment(file: Path | None = None) -> Deployment:
    """Return the deployment in `file`, by default the one that `ISTHMUS_DEPLOYMENT` names.

    `${NAME}` in a text stands for an environment variable. Raise `DeploymentError` if there is no
    such file or its common part is not sound.
    """
    path = file or Path(os.environ.get(FILE_VARIABLE, LOCAL))
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(path, "file", f"it cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(path, "file", f"it is not valid TOML: {error}") from None
    plain = _substituted(document, path, "")
    known = ("lake", "runs", "sources", "runners", "defaults", "dataflows")
    for name, part in plain.items():
        if name not in known:
            raise DeploymentError(path, f"[{name}]", str(UnknownNameError("part", name, known)))
        if not isinstance(part, Mapping):
            raise DeploymentError(path, name, f"expected a table, got {part!r}")
    decode_section(
        Settings, plain.get("defaults", {}), path, "[defaults]"
    )  # so that an error names [defaults]
    return Deployment(
        file=path,
        lake=decode_section(LakeLocation, plain.get("lake", {}), path, "[lake]"),
        runs=decode_section(RunsLocation, plain.get("runs", {}), path, "[runs]"),
        sources=_sections(Source, plain.get("sources", {}), path, "sources"),
        runners=_sections(Runner, plain.get("runners", {}), path, "runners"),
        defaults=plain.get("defaults", {}),
        dataflows=plain.get("dataflows", {}),
    )


def _sections(cls: type[T], parts: Mapping[str, object], file: Path, where: str) -> dict[str, T]:
    return {
        name: decode_section(cls, part, file, f"[{where}.{name}]") for name, part in parts.items()
    }


def _substituted(value: object, file: Path, where: str) -> dict[str, dict[str, object]]:
    return _substitute(value, file, where)  # type: ignore[return-value] # a TOML document is this


def _substitute(value: object, file: Path, where: str) -> object:
    if isinstance(value, dict):
        return {
            name: _substitute(part, file, f"{where}.{name}".strip("."))
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_substitute(item, file, where) for item in value]
    if not isinstance(value, str):
        return value
    try:
        return string.Template(value).substitute(os.environ)
    except KeyError as error:
        name = error.args[0]
        raise DeploymentError(file, where, f"environment variable {name!r} is not set") from None
    except ValueError:
        raise DeploymentError(
            file, where, f"{value!r} has a $ that no name follows; write $$ for a dollar sign"
        ) from None
