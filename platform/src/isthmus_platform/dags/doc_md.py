"""The page of each DAG in Airflow, in Markdown, made from its contract."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus_contracts import (
    Column,
    DataflowContract,
    Identity,
    Metrics,
    Output,
    Table,
    param_text,
)
from isthmus_platform.errors import DeploymentError, UserError
from isthmus_platform.markdown import grid, literal


def dataflow_page(dataflow: DataflowContract, *notices: str) -> str:
    """Return the page of a dataflow: its inputs, params and outputs, and where to change them.

    The `notices`, in Markdown, follow the title.
    """
    parts = [
        f"# {literal(str(dataflow.identity))}",
        *notices,
        *_deprecation(dataflow),
        literal(dataflow.description),
        f"Contract version **{dataflow.version}**, owner **{literal(dataflow.owner)}**.",
        "## Inputs",
        grid(
            ("input", "source", "description"),
            (
                (declared.name, _source(declared.source), declared.table.description)
                for declared in dataflow.inputs
            ),
        ),
        "## Params",
        grid(
            ("param", "default", "allowed", "description"),
            (
                (param.name, param_text(param.default), param.allowed, param.description)
                for param in dataflow.params
            ),
        ),
        "## Outputs",
        *(_output(output) for output in dataflow.outputs),
        "## How to change it",
        grid(
            ("change", "edit", "approved by"),
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


def last_valid_notice(error: DeploymentError, digest: str) -> str:
    """Return the notice on the page of a dataflow that goes on with the last valid file."""
    advice = (
        "**The deployment file has a mistake.** This dataflow runs as the last valid file says "
        f"that this host has read, SHA-256 {digest}. Correct the deployment file; Airflow reads it "
        "again within a minute."
    )
    return "\n\n".join((advice, *map(literal, error.mistakes)))


def invalid_deployment_page(name: str, error: DeploymentError) -> str:
    """Return the page of a dataflow whose part of the deployment file is invalid."""
    own = error.where.startswith("[dataflows.")
    others = "Other dataflows are not affected." if own else "Other dataflows may be affected, too."
    return _refusal(
        name,
        error,
        f"Correct the deployment file; Airflow reads it again within a minute. {others}",
    )


def end_of_life_page(name: str, error: UserError) -> str:
    """Return the page of a dataflow whose last day has passed."""
    return _refusal(name, error, "Its releases stay in the lake and can still be read.")


def _refusal(name: str, error: UserError, advice: str) -> str:
    mistakes = error.mistakes if isinstance(error, DeploymentError) else (str(error),)
    reasons = "\n\n".join(map(literal, mistakes))
    return f"# {literal(name)} cannot run here\n\n{reasons}\n\n{advice}"


def _deprecation(dataflow: DataflowContract) -> tuple[str, ...]:
    if dataflow.deprecation is None:
        return ()
    until, replacement = dataflow.deprecation.until, dataflow.deprecation.replacement
    return (f"**Deprecated**: runs until {until}, use {literal(replacement)} instead.",)


def _source(source: str | Identity) -> str:
    return f"dataflow {source}" if isinstance(source, Identity) else f"dataset {source}"


def _output(output: Output) -> str:
    if isinstance(output, Table):
        key = f" Key: {', '.join(output.key)}." if output.key else ""
        if output.max_row_change is not None:
            key += (
                f" The number of rows changes by at most {output.max_row_change:.0%} per release."
            )
        rows = grid(
            ("column", "type", "unit", "rules", "description"),
            (_column(column) for column in output.columns),
        )
        return f"### Table {output.name}\n\n{literal(output.description + key)}\n\n{rows}"
    if isinstance(output, Metrics):
        rows = grid(
            ("metric", "description"),
            ((metric.name, metric.description) for metric in output.metrics),
        )
        return f"### Metrics {output.name}\n\n{literal(output.description)}\n\n{rows}"
    return f"### File {output.name} ({output.suffix})\n\n{literal(output.description)}"


def _column(column: Column) -> Sequence[str]:
    return (column.name, column.type, column.unit or "", column.promise, column.description)
