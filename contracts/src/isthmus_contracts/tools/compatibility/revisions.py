"""Where an older catalog comes from: a saved document, or a revision of the git repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.errors import ContractError, DeclarationError
from isthmus_contracts.tools.document import parse_catalog

COMMITTED = "contracts/catalog.json"
"""Where the repository keeps its document, seen from its root."""


class RevisionError(ContractError):
    """Report a catalog that cannot be read, be it of a file or of a revision."""


def read_catalog(base: str) -> Catalog:
    """Return the catalog of the file `base`, or of that revision if there is no such file.

    Raise `RevisionError` for a revision or document that is not there or cannot be understood.
    """
    try:
        content = Path(base).read_bytes() if Path(base).is_file() else _committed(base)
        return parse_catalog(content.decode("utf-8"))
    except OSError as error:
        raise RevisionError(f"{base}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RevisionError(f"{base}: the document is not UTF-8 text") from None
    except DeclarationError as error:
        raise RevisionError(f"{base}: {error}") from None


def _committed(revision: str) -> bytes:
    git = shutil.which("git")
    if git is None:
        raise RevisionError(f"no file {revision!r}, and no git on the PATH to look for a revision")
    repository = _run(git, "rev-parse", "--git-dir")
    if repository.returncode:  # there is none, or it is somebody else's
        said = repository.stderr.decode(errors="replace").partition("\n")[0]
        raise RevisionError(f"no file {revision!r}, and git knows no revisions here: {said}")
    commit = _run(git, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    if commit.returncode:
        raise RevisionError(f"no file and no git revision {revision!r}; see `git log --all`")
    document = _run(git, "show", f"{commit.stdout.decode().strip()}:{COMMITTED}")
    if document.returncode:
        raise RevisionError(f"revision {revision!r} has no {COMMITTED}")
    return document.stdout


def _run(git: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # No shell is in between, and what a person typed stands after --end-of-options.
    return subprocess.run([git, *arguments], capture_output=True, check=False)  # noqa: S603
