"""The last valid deployment files of this host, with which dataflows go on after a mistake.

`<state>/deployments/<digest of the file's path>/` holds each file under its SHA-256, and for each
dataflow a link to the file with which it was last valid. The state is `ISTHMUS_STATE`, or else a
folder of `AIRFLOW_HOME`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from isthmus_contracts import DataflowContract
from isthmus_platform.deployment.load import parse_deployment
from isthmus_platform.deployment.model import DeployedDataflow
from isthmus_platform.errors import DeploymentError
from isthmus_platform.storage.local_files import atomic_write

_UNUSED_SECONDS = 24 * 3600
_log = logging.getLogger(__name__)


def keep_valid(dataflow: DeployedDataflow) -> None:
    """Remember that a dataflow is valid with its file; a host that cannot write only warns."""
    deployment = dataflow.deployment
    folder = _folder(deployment.file)
    link, name = folder / str(dataflow.contract.identity), f"{deployment.digest}.toml"
    if _target(link) == name and link.exists():
        return
    try:
        for directory in (folder.parent, folder):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_write(folder / name, private=True) as draft:
            draft.write_bytes(deployment.content)
        draft = folder / f".{uuid4().hex}"
        draft.symlink_to(name)
        draft.replace(link)
        _remove_unused(folder)
    except OSError as error:
        _log.warning("%s is not kept as the last valid file: %s", deployment.file, error)


def last_valid(file: Path, dataflow: DataflowContract) -> Iterator[DeployedDataflow]:
    """Yield the dataflow as it may run while the file at this path is invalid, the best first.

    That is with its own last valid file, then with those that were valid for other dataflows, the
    newest first.
    """
    folder = _folder(file)
    others = sorted(folder.glob("*.toml"), key=_written, reverse=True)
    for path in (folder / str(dataflow.identity), *others):
        try:
            deployed = parse_deployment(file, path.read_bytes()).deploy(dataflow)
        except (OSError, DeploymentError):  # an environment variable may be gone, for example
            continue
        yield deployed


def _folder(file: Path) -> Path:
    """Return the folder for the file at this path; what the path points to may change."""
    airflow = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    state = Path(os.environ.get("ISTHMUS_STATE", airflow / "isthmus"))
    digest = hashlib.sha256(str(file.absolute()).encode()).hexdigest()
    return state / "deployments" / digest[:16]


def _remove_unused(folder: Path) -> None:
    used = {_target(link) for link in folder.iterdir()}
    for path in folder.glob("*.toml"):
        if path.name not in used and time.time() - _written(path) > _UNUSED_SECONDS:
            path.unlink(missing_ok=True)


def _target(link: Path) -> str | None:
    try:
        return os.readlink(link)  # noqa: PTH115 - its name is compared
    except OSError:
        return None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
