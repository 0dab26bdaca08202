"""The page of each DAG in Airflow, in Markdown, made from its contract."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from isthmus_contracts import Column, Dataflow, Identity, Metrics, Output, Table
from isthmus_platform.errors import DeploymentError, UserError

_MARKS = re.compile(r"[\\`*_\[\]|~#]")
_LIST = re.compile(r"^([0-9]*)([-+.)])")


def dataflow_page(dataflow: Dataflow) -> str:
    """Return what a dataflow takes, offers and promises, and where to change what."""
    parts = [
        f"# {_text(str(dataflow.identity))}",
        *_deprecation(dataflow),
        _text(dataflow.description),
        f"Contract version **{dataflow.version}**, owner **{_text(dataflow.owner)}**.",
        "## Inputs",
        _grid(
            ("input", "from", "what it is"),
            ((each.name, _origin(each.origin), each.table.description) for each in dataflow.inputs),
        ),
        "## Params",
        _grid(
            ("param", "default", "allowed", "what it is"),
            (
                (each.name, str(each.default), each.allowed, each.description)
                for each in dataflow.params
            ),
        ),
        "## Outputs",
        *(_output(each) for each in dataflow.outputs),
        "## Where to change what",
        _grid(
            ("to change", "edit", "approved by"),
            (
                (
                    "how something is computed",
                    f"transforms/ … /dataflows/{dataflow.name}/",
                    "owner",
                ),
                (
                    "inputs, params, outputs",
                    f"contracts/ … /catalog/{dataflow.name}.py",
                    "both teams",
                ),
                (
                    "sources, schedule, retries, engine",
                    "the deployment file in platform/",
                    "platform",
                ),
            ),
        ),
    ]
    return "\n\n".join(parts)


def mistake_page(name: str, error: DeploymentError) -> str:
    """Return why a dataflow cannot run here, and what to do."""
    return _refusal(
        name,
        error,
        "Mend the deployment file; Airflow reads it again within a minute. "
        "The other dataflows are not affected.",
    )


def retirement_page(name: str, error: UserError) -> str:
    """Return that a dataflow's last day has passed, and what is left of it."""
    return _refusal(name, error, "What it has published stays in the lake and can still be read.")


def _refusal(name: str, error: UserError, advice: str) -> str:
    return f"# {_text(name)} cannot run here\n\n{_text(str(error))}\n\n{advice}"


def _deprecation(dataflow: Dataflow) -> tuple[str, ...]:
    if dataflow.deprecation is None:
        return ()
    until, instead = dataflow.deprecation.until, dataflow.deprecation.instead
    return (f"**Deprecated**: runs until {until}, use {_text(instead)} instead.",)


def _origin(origin: str | Identity) -> str:
    return f"dataflow {origin}" if isinstance(origin, Identity) else f"dataset {origin}"


def _output(output: Output) -> str:
    if isinstance(output, Table):
        key = f" Key: {', '.join(output.key)}." if output.key else ""
        rows = _grid(
            ("column", "type", "unit", "promise", "what it is"),
            (_column(each) for each in output.columns),
        )
        return f"### Table {output.name}\n\n{_text(output.description + key)}\n\n{rows}"
    if isinstance(output, Metrics):
        rows = _grid(
            ("metric", "what it is"), ((each.name, each.description) for each in output.metrics)
        )
        return f"### Metrics {output.name}\n\n{_text(output.description)}\n\n{rows}"
    return f"### File {output.name} ({output.suffix})\n\n{_text(output.description)}"


def _column(column: Column) -> Sequence[str]:
    return (column.name, column.type, column.unit or "", column.promise, column.description)


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(head), _line(["---"] * len(head)), *(_line(map(_text, row)) for row in rows)]
    return "\n".join(lines) if len(lines) > 2 else "None."  # noqa: PLR2004 - head and rule


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Return text, on one line, that means itself in Markdown and HTML wherever it stands."""
    line = " ".join(text.split())
    return escape(_LIST.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", line)), quote=False)
