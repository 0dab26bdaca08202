"""Measure all there is, or the sections that are named, and write benchmarks/results.md."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import acceptance
import dag_files
import endtoend
import frames
import partitions
import publication
import resuming
import rollback
import run_records
import runtime
import start
from clock import Effort, circumstances
from installed import installed
from lines import MB, Line, page, section, sections_of
from rich.console import Console
from sites import in_bucket, in_folder, on_disk

from isthmus_contracts.formatting import unknown_name

RESULTS = Path(__file__).with_name("results.md")
COMMAND = "nox -s benchmarks --"

Benchmark = Callable[[Effort], Iterator[Line]]
"""Yields lines as it measures them; its docstring says what they are about."""


def publish(effort: Effort) -> Iterator[Line]:
    """Publication and rollback, in a lake on the disk.

    Publication commits files that were accepted before the clock starts; a commit reads none of
    them, so its time depends on how many they are, and not on their size.

    A part of a table is published for what the part costs, but for Delta's own commit: whoever
    opens a Delta table reads an entry for each of its files, from its last checkpoint and the log
    since. Garbage collection is measured once, in a new process; most of its time is the disk's own
    removal of names.
    """
    with on_disk() as site:
        yield from publication.by_size(site, effort, 10 * MB, 1000 * MB, under=1.5)
        yield from publication.by_files(site, effort, 10, 1000, 20 * MB)
        yield from partitions.one_month(site, effort, (100, 1000, 10_000), 10, under=1.5)
        yield from partitions.garbage(site, effort, 100_000, under=16)
        yield from rollback.after_moves(site, effort, 10_000, under=0.020)


def accept(effort: Effort) -> Iterator[Line]:
    """Acceptance, into a lake on the disk.

    A table is staged as an Arrow stream. Acceptance starts a process that reads and hashes it,
    checks every value and the key, and encodes the Parquet, and waits until the disk has it. Beside
    staging and acceptance stands what pyarrow takes to write the same rows as Parquet with its own
    settings, to read them again and to hash the file twice: nobody checks anything there. A file
    that is not a table is copied and hashed; beside it stands reading and hashing (SHA-256).

    The largest memory is that of the process with Python and its libraries; 5 GB are in one file,
    in batches of 26 MB.
    """
    with on_disk() as site:
        for ordered in (True, False):
            yield from acceptance.of_table(site, effort, 500 * MB, ordered=ordered)
        yield from acceptance.of_many_columns(site, effort, 2_000, 100, under=1.5)
        yield from acceptance.of_file(site, effort, 300 * MB, at_least=0.5)
        for ordered in (True, False):
            yield from acceptance.memory(site, effort, 5_000 * MB, ordered=ordered)


def publish_in_bucket(effort: Effort) -> Iterator[Line]:
    """Measure the same in a bucket of moto's server.

    That server is a Python process on the same machine: it says how the platform uses a bucket, and
    nothing about a real one.
    """
    with in_bucket() as site:
        yield from publication.by_size(site, effort, 10 * MB, 200 * MB)
        yield from publication.by_files(site, effort, 10, 100, 20 * MB)
        yield from acceptance.of_table(site, effort, 300 * MB, ordered=True)
        yield from acceptance.of_file(site, effort, 200 * MB)
        yield from partitions.one_month(site, effort, (10, 100, 500), 10)
        yield from rollback.after_moves(site, effort, 10_000)


def records_of_runs(effort: Effort) -> Iterator[Line]:
    """Finding, reading and removing the records of runs, where there are many.

    Runs are of one dataflow, 274 a day. A record has its pins, a drawing and the events of one
    attempt. Files were just written, so they are in memory. The history reads the events of its
    runs whole, and decodes only those of the node.
    """
    with in_folder() as folder:
        yield from run_records.among(folder, effort, 1_000, 100_000, under=1.5)


def functions(effort: Effort) -> Iterator[Line]:
    """Running a dataflow's functions, beside Hamilton's own default driver.

    Graphs are built before the clock starts, for both. Hamilton's driver says nothing of what it
    does; ours sends the start and end of every function through a pipe, and is measured once more
    with the announcement of the whole graph, which comes once in a run. Functions are in chains of
    400, for Hamilton's driver calls itself for each; ours has no such limit, and runs all in one
    chain too. A run of a few functions has 20 µs of its own. In the pipeline, as in most graphs,
    frames are also taken by a function that nobody asks for; Hamilton's driver still applies them.
    Fingerprints are those of a run with checkpoints; about 0.1 s of them searches the libraries for
    code of ours, whatever the number of functions.
    """
    for nodes in (10, 100, 1_000, 10_000):
        yield from runtime.overhead(effort, nodes, at_most=1)
    yield from runtime.fingerprints(effort, 10_000, under=0.3)
    yield from runtime.memory(effort, 1_000_000, under=0.7)
    yield from runtime.branches(effort, 5_000_000, at_least=1.7)


def stage(effort: Effort) -> Iterator[Line]:
    """Staging what a function returned, beside pyarrow's own conversion and writing.

    From the return value to the staged file, with every check of the contract and the digest;
    pyarrow converts the frame to the contract's types, and writes the same format, without either.
    Columns are not null; they have no bounds, choices or key, whose checks are what they cost.

    Missed where pyarrow only copies memory: SHA-256 takes as long as writing, and is another
    thread's work, so the ratio depends on a processor that has nothing else to do.
    """
    yield from frames.of_each_dtype(effort, 1_000_000, under=1.3)
    yield from frames.of_a_wide_frame(effort, 1_000_000, under=1.3)


def dag_file(effort: Effort) -> Iterator[Line]:
    """Parsing the DAG file, by Airflow's own reader, in a process of its own, once it has started.

    Contracts know no functions, so a dataflow of five functions and one of five hundred cost the
    same. The catalog of a thousand holds the three real contracts again and again, by other names,
    each in a module of its own. By hand, the same DAGs stand in one file, with every text in it;
    that Airflow stores the same for both is checked. Bytecode is compiled, and files are in memory.

    Missed: a thousand contracts are declared in 0.27 s before there is a DAG, which nobody does by
    hand; without that the ratio is 1.05. Where a task runs, they are declared too, though only one
    DAG is built; most of the rest is importing modules that the task then needs.
    """
    yield from dag_files.by_hand(effort, 1_000, at_most=1.1)
    yield from dag_files.by_worker(effort, 3, under=0.020)
    yield from dag_files.by_worker(effort, effort.of(1_000), under=0.020)


def resume(effort: Effort) -> Iterator[Line]:
    """Going on after a failure at 90 % of the work, and what saving results costs a run.

    Runs of twenty functions that take about as long, over made-up flights in memory: whole without
    saving; whole with saving; one that is stopped; one that goes on in its directory. Each is in a
    process of its own, which has computed nothing before, and with a new directory on the disk;
    what was written may still be in memory when it is read. Times are those of `dataflow.compute`,
    with digests of inputs and code, without the imports.

    Beside each other, functions make two columns and an index each, of 5 MB; one after another, a
    frame of sixteen columns each, of 26 MB. What is declared is saved whatever it costs, else what
    takes twenty times as long to compute as to save: shorter functions are computed again. These
    take half a second each; with a quarter, more is computed again: 0.2 to 0.3 of a run.
    """
    rows = 200_000
    for shape in ("beside", "after"):
        yield from resuming.after_failure(effort, shape, rows)
    yield from resuming.after_failure(effort, "after", rows, cut="step_9")


def around(effort: Effort) -> Iterator[Line]:
    """What a transform task's runner takes around its functions, in a new process each time.

    Bytecode is compiled and files are in memory. From the process's start to its first node, and
    from its last node to its end, beside an interpreter that only imports; Hamilton then imports
    each library that it has a plug-in for and that is there, among them those of flight_delays.
    The smallest dataflow needs none of these, so it stands beside the imports without plug-ins too.
    Steps are measured in a program that does one after another what a runner does.
    """
    yield from start.around_functions(effort, under=1.3)


def end_to_end(effort: Effort) -> Iterator[Line]:
    """Runs through a real Airflow, as `make up` brings it up, beside what is written without us.

    Three rounds at most. Airflow, its settings and the machine are the same for both sides; a run
    takes from the start that Airflow notes to the end. No other dataflow runs meanwhile: those that
    follow flight_delays are taken out of the catalog, and the compared ones are in it once more,
    `fused`.

    The script is a process that reads the run's own inputs, as Parquet, calls the same functions
    with Hamilton's default driver and writes what they return. It neither reads the database nor
    checks an output nor publishes one, which the run does: `ingest` is all reading of the database.
    Tasks that do nothing are Python functions that return.

    The fifty functions need nothing but pandas, and make one table of 51 columns. In a task of its
    own, each is a process that imports pandas, reads what it takes as Parquet and writes what it
    makes; a team that has pandas in Airflow's environment pays for that import too, and saves the
    start of the process, 0.03 s. Reading the database is not among those tasks, and so is free.
    """
    with installed(effort) as airflow:
        yield from endtoend.beside_script(airflow, effort, under=1.15)
        yield from endtoend.beside_tasks(airflow, effort, at_least=8)


BENCHMARKS: Mapping[str, Benchmark] = {
    "accept": accept,
    "publish": publish,
    "publish-in-bucket": publish_in_bucket,
    "stage": stage,
    "records-of-runs": records_of_runs,
    "functions": functions,
    "resume": resume,
    "around-functions": around,
    "dag-file": dag_file,
    "end-to-end": end_to_end,
}
LIBRARIES = ("deltalake", "obstore", "pyarrow")


def measure(names: Sequence[str], effort: Effort, results: Path, console: Console) -> None:
    """Measure these sections, and write each into the page once it is done."""
    for name in names:
        benchmark = BENCHMARKS[name]
        lines = []
        for line in benchmark(effort):
            console.print(f"{name}: {' | '.join(filter(None, line.cells))}", soft_wrap=True)
            lines.append(line)
        measured_on = circumstances(f"{COMMAND} {name}", effort, LIBRARIES)
        known = sections_of(results.read_text(encoding="utf-8")) if results.exists() else {}
        known[name] = section(inspect.getdoc(benchmark) or "", measured_on, lines)
        ordered = {title: known[title] for title in BENCHMARKS if title in known}
        results.write_text(page(ordered), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(unknown_name("benchmark", name, BENCHMARKS))
    measure(options.names or list(BENCHMARKS), Effort(options.rounds), RESULTS, Console())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
