"""What a runner says, as lines of the task's log."""

from __future__ import annotations

from logging import ERROR, INFO, WARNING

from isthmus_contracts.protocol import (
    Answer,
    CheckFinished,
    CheckpointReused,
    CheckpointWritten,
    Graph,
    NodeFailed,
    NodeFinished,
    OutputStaged,
    RunFailure,
)
from isthmus_contracts.rules import MOST_EXAMPLES, CheckResult


def format_event(answer: Answer) -> tuple[int, str] | None:
    """Return the level and the text of an answer's line in the log, if it has one."""
    text: str | None = None
    level = INFO
    match answer:
        case Graph():
            functions = sum(node.kind == "function" for node in answer.nodes)
            text = f"the runner computes {functions} functions"
        case NodeFinished():
            text = f"{answer.node} finished in {answer.seconds:.3f} s{_size(answer)}"
        case NodeFailed():
            level = ERROR
            text = f"{answer.node} failed after {answer.seconds:.3f} s: {answer.error}"
        case CheckpointReused():
            text = f"{answer.node} was reused from a checkpoint of an earlier task, attempt or run"
        case CheckpointWritten():
            text = f"{answer.node} saved as a checkpoint, {answer.bytes:,} bytes"
        case OutputStaged():
            text = f"{answer.output} staged, {answer.bytes:,} bytes"
        case CheckFinished(result=CheckResult(passed=False) as result):
            level = ERROR if result.level == "error" else WARNING
            text = f"{answer.subject}: {result.message} ({result.check}{_rows(result)})"
    return None if text is None else (level, text)


def format_failure(failure: RunFailure) -> str:
    """Return the runner's own words for why it failed, with the place."""
    if not failure.node:
        return failure.message
    place = f"{failure.function} ({failure.file}:{failure.line})"
    return f"node {failure.node!r} failed in {place}: {failure.message}"


def _rows(result: CheckResult) -> str:
    examples = result.examples[:MOST_EXAMPLES]
    return f"; see {', '.join(examples)}" if examples else ""


def _size(finished: NodeFinished) -> str:
    if finished.rows is None:
        return ""
    columns = "" if finished.columns is None else f" x {finished.columns} columns"
    return f", {finished.rows:,} rows{columns}"
