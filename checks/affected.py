"""Say which teams must approve what changed since BASE, and which nox sessions must run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from approval import RULES, SESSIONS, Demand, Judgement, judge
from change import TRAILER, Change, ChangeError, read_change

EPILOG = f"""\
what is compared:
  the last commit that BASE and HEAD share, with the working tree as it is: what is committed and
  what is not, new files too. What was deleted or renamed counts on both paths.

the rules, of which the first that matches a path decides:
{{rules}}

  owner    the team that the dataflow's contract names
  catalog  both teams for what breaks somebody or concerns inputs and params; for what is only
           offered in addition, the dataflow's owner approves and the other team is informed

a contract that changed without the step of its version that this asks for is refused:
  `python -m isthmus_contracts diff BASE` says why, and who reads it

a change of platform/ and transforms/ at once, and of no contract, is refused:
  make two changes of it, or say why in a commit message, as a trailer: {TRAILER}: REASON

exit status:
  0 as described; 1 refused; 2 no such revision, or no repository
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        change = read_change(Path.cwd(), options.base)
    except ChangeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    demand = judge(change, datetime.now(UTC).date())
    text = _ended(_lines(options.base, change, demand))
    written = _written(options.format, change, demand) or text
    if options.output:
        try:
            with options.output.open("a", encoding="utf-8") as file:
                file.write(written)
        except OSError as error:
            sys.stderr.write(f"{options.output} cannot be written: {error.strerror}\n")
            return 2
    sys.stdout.write(text if options.output else written)
    return 1 if _refused(change, demand) else 0


def _written(form: str, change: Change, demand: Demand) -> str | None:
    match form:
        case "json":
            return json.dumps(_document(change, demand), indent=2) + "\n"
        case "github":
            return _ended(_outputs(demand))
    return None


def _ended(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nox -s affected --",
        description=__doc__,
        epilog=EPILOG.format(rules="\n".join(_table())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", metavar="BASE", help="a git revision: main, origin/main, a commit")
    parser.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="what to write; github: KEY=VALUE lines, as a workflow's output file takes them",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="write it at the end of FILE, and the text where it is read anyway",
    )
    return parser


def _table() -> list[str]:
    rows = [("path", "approval", "sessions")]
    for rule in RULES:
        sessions = "all" if rule.sessions == SESSIONS else ", ".join(rule.sessions)
        rows += [(pattern or "the rest", rule.approval, sessions) for pattern in rule.patterns]
    width = max(len(path) for path, _, _ in rows)
    return [f"  {path:{width}}  {approval:12}  {sessions}" for path, approval, sessions in rows]


def _refused(change: Change, demand: Demand) -> bool:
    return bool(demand.version_problems) or (demand.crosses_border and not change.reasons)


def _outputs(demand: Demand) -> list[str]:
    lists = {"sessions": demand.sessions, "teams": demand.teams, "one_of": demand.one_of}
    return [f"{key}={json.dumps(values)}" for key, values in lists.items()]


def _document(change: Change, demand: Demand) -> dict[str, object]:
    return {
        "base": change.base,
        "teams": demand.teams,
        "one_of": demand.one_of,
        "informed": demand.informed,
        "sessions": demand.sessions,
        "crosses_border": demand.crosses_border,
        "reasons": change.reasons if demand.crosses_border else (),
        "version_problems": demand.version_problems,
        "refused": _refused(change, demand),
        "judgements": [asdict(judgement) for judgement in demand.judgements],
    }


def _lines(base: str, change: Change, demand: Demand) -> list[str]:
    if not change.paths:
        return [f"Nothing changed since {base} ({change.base[:12]})."]
    lines = [f"Changed since {base} ({change.base[:12]}): {_count(change.paths)}.", ""]
    for judgement in demand.judgements:
        lines += _explained(judgement)
    if demand.crosses_border:
        lines += [*_border(change), ""]
    if demand.version_problems:
        lines += [
            *(f"Refused: {_shown(problem)}." for problem in demand.version_problems),
            "",
        ]
    if demand.teams:
        lines.append(f"Must approve: {' and '.join(demand.teams)}")
    if demand.one_of:
        lines.append(f"Must approve: {' or '.join(demand.one_of)}; either is enough")
    if demand.informed:
        lines.append(f"Is informed:  {' and '.join(demand.informed)}")
    return [*lines, f"Must run:     nox -s {' '.join(demand.sessions)}"]


def _explained(judgement: Judgement) -> list[str]:
    approval = " and ".join(judgement.teams) or f"either {' or '.join(judgement.one_of)}"
    informed = "".join(f"; {team} is informed" for team in judgement.informed)
    return [
        f"{_shown(judgement.reason)}",
        f"  paths     {_few(judgement.paths)}",
        f"  approval  {approval}{informed}",
        f"  sessions  {', '.join(judgement.sessions)}",
        "",
    ]


def _border(change: Change) -> list[str]:
    if change.reasons:
        return [f"Crosses the border on purpose: {_shown(reason)}" for reason in change.reasons]
    return [
        "Refused: one change touches platform/ and transforms/, and no contract.",
        f"Make two changes of it, or say why in a commit message: {TRAILER}: REASON",
    ]


def _few(paths: Sequence[str]) -> str:
    shown = _shown(paths[0])
    return f"{shown} and {len(paths) - 1} more" if paths[1:] else shown


def _count(paths: Sequence[str]) -> str:
    return "1 path" if len(paths) == 1 else f"{len(paths)} paths"


def _shown(text: str) -> str:
    """Return a text as one printable line: paths and messages are what anybody wrote."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


if __name__ == "__main__":
    sys.exit(main())
