"""Plans, drawn by Hypothesis: a strategy for each kind of disturbance, and how often each is drawn.

A strategy draws the kind of an operation and a share. The share becomes a number with the counts
of undisturbed tasks, so that nothing here changes with the product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from integration.faults.crashing_store import FILE_OPERATIONS, STORE_OPERATIONS, OperationFault
from integration.faults.disks import FullDisk
from integration.faults.faulty_runner import ANSWER_FAULTS
from integration.faults.processes import ProcessFault

from . import product
from .checkpoints import place_of
from .plan import CHECKPOINTS, EMPTY, MAIN, PAIRS, PARTITIONED, TASKS, Plan
from .scheduler import STAGING
from .templates import WITH_CHECKPOINTS

EVENTS = ("graph", "node_started", "node_finished", STAGING, "output_staged", "result")
VICTIMS = ("task", "runner", "supervisor", "everything", "task_supervisor", "stop")
SPOILINGS = ("truncate", "flip", "foreign")
DUPLICATES = ("result twice", "all twice", "events twice")
WRITING = tuple((kind, "*.part") for kind in ("open", "os.rename", "os.remove"))
NODES = {"airport_days": 4, "flight_delays": 40, PARTITIONED: 2}
RUNNER_IS_DONE = (("os.scandir", product.STAGING), ("write", "*"))
"""When what is staged is listed, or before the first file is copied."""
LATER = (
    *((),) * 12,
    *(("publish again",), ("roll back", "publish again")) * 3,
    *(("roll back",), ("garbage-collection",)) * 2,
    *(("kill a garbage collection",), ("kill a roll back",)) * 2,
    *(("clear",), ("roll back", "clear")),
)
"""What is done after the run has succeeded, repeated as often as its weight says."""
LATER_RUNS = tuple(
    tuple(run if verb == "run" else verb for verb in verbs)
    for run in ("another month", "another month", "an empty month")
    for verbs in (
        *(
            ("run",),
            ("roll back", "run"),
            ("roll back", "run", "publish again"),
            ("garbage-collection", "run"),
        ),
        *(("roll back", "run", "clear"), ("run", "roll back", "clear")),
    )
)
"""The same for a partitioned dataflow: it ends with another run, or goes on from one."""


class Draw:
    """Draw the parts that plans have."""

    def __init__(self, data: Callable[[st.SearchStrategy[Any]], Any], kind: str) -> None:
        self.data, self.kind = data, kind

    def one(self, *choices: Any) -> Any:  # noqa: ANN401 - one of them
        return self.data(st.sampled_from(choices))

    def whole(self, low: int, high: int) -> int:
        return int(self.data(st.integers(low, high)))

    def between(self, low: float, high: float) -> float:
        """Draw one of a thousand numbers, which are easily read."""
        return round(low + (high - low) * self.whole(0, 999) / 1000, 4)

    def chance(self, share: float) -> bool:
        return self.whole(0, 99) < share * 100

    def dataflow(self, share: float = 0.12, partitioned: float = 0.25) -> str:
        """Draw a dataflow: the slow one by `share`, of the rest the partitioned one by its own."""
        if self.chance(share):
            return "flight_delays"
        return PARTITIONED if self.chance(partitioned) else "airport_days"

    def fault(self, action: str = "kill") -> OperationFault:
        """Draw a fault at any operation of a task."""
        files = () if action in ("fail", "slow") else FILE_OPERATIONS
        kind, share = self.one(*STORE_OPERATIONS, *files), self.between(0, 1)
        moment = self.one("before", "after") if kind in STORE_OPERATIONS else "before"
        is_late = action == "slow" or (action == "kill" and self.chance(0.2))
        seconds = self.between(0, 0.3 if action == "slow" else 0.02) if is_late else 0.0
        return OperationFault(action, kind, share=share, moment=moment, seconds=seconds)  # type: ignore[arg-type]

    def again(self) -> OperationFault | None:
        return self.fault() if self.chance(0.25) else None

    def plan(
        self,
        dataflow: str,
        task: str,
        start: str = "",
        later: tuple[str, ...] | None = None,
        **parts: Any,
    ) -> Plan:
        """Return a plan with a start and what is done later, drawn unless they are given."""
        early = TASKS[max(0, TASKS.index(task) - 1)]
        start = start or (task if self.chance(0.85) else early)
        if later is None and dataflow == PARTITIONED and self.chance(0.5):
            later = self.one(*LATER_RUNS)
        later = self.one(*LATER) if later is None else later
        if dataflow == PARTITIONED and "main" not in parts:
            makes_rows = self.kind in ("a faulty runner", "spoiled files")
            parts["main"] = self.one(*(run for run in MAIN if not makes_rows or run != EMPTY))
        if dataflow in WITH_CHECKPOINTS and "checkpoints" not in parts:
            parts["checkpoints"] = self.one(*[""] * 6, *["others"] * 2, "own")
        if any("kill" in verb for verb in later):
            parts["later_fault"] = self.fault()
        return Plan(self.kind, dataflow, start, task, later=later, **parts)


def _of_months(draw: Draw) -> Plan:
    """Draw a plan for runs that have an interval."""
    fault = draw.fault("pause" if "meanwhile" in draw.kind else "kill")
    if draw.kind == "rolled back months":
        later = draw.one(*LATER_RUNS)
        return draw.plan(PARTITIONED, "publish", "publish", later, fault=fault)
    if draw.kind == "people meanwhile":
        beside = draw.one(*["roll back further"] * 2, "garbage-collection", "collect everything")
        later = () if beside == "collect everything" else None
        return draw.plan(PARTITIONED, "publish", later=later, fault=fault, beside=beside)
    main, other = draw.one(*PAIRS)
    parts = {"fault": fault, "main": main, "other": other}
    if draw.kind == "a month meanwhile":
        return draw.plan(PARTITIONED, "publish", beside="another run", **parts)
    if draw.kind == "a month between":
        return draw.plan(PARTITIONED, "publish", between=True, again=draw.again(), **parts)
    parts["fault"] = fault if draw.chance(0.6) else None
    task, after = draw.one("transform", *["publish"] * 5), draw.between(0, 0.1)
    return draw.plan(PARTITIONED, task, task, second_after=after, **parts)


def _of_checkpoints(draw: Draw) -> Plan:
    """Draw a plan that disturbs checkpoints, which a next attempt reuses."""
    dataflow, spoiled = draw.dataflow(0.3, partitioned=0), draw.one(*SPOILINGS)
    event = draw.one(*EVENTS) if draw.kind == "no room to save" else "checkpoint_written"
    strike = ProcessFault(draw.one(*VICTIMS), draw.between(0, 0.05), event, 1)
    parts: dict[str, Any] = {"checkpoints": "others", "spoiled": spoiled}
    if draw.kind == "killed in the store":  # while it saves a checkpoint, or reads one
        number, parts["spoiled"] = draw.one(1, 1, 1, 2), draw.one("", "", spoiled)
        listing = ("os.[ls]*dir", "*/checkpoints/*")  # the runner holds the lock then
        where = draw.one(listing, ("fcntl.flock", "*"), *WRITING)
        fault = OperationFault("kill", *where, number)
        if draw.chance(0.25):
            fault = OperationFault("kill", draw.one("open", "os.utime"), "*.checkpoint", number)
            parts["checkpoints"] = "own"
        elif draw.chance(0.4):
            size = draw.whole(1, {"airport_days": 70_000, "flight_delays": 3_000}[dataflow])
            fault = OperationFault("tear", "open", "*.part", number, choice=size)
        return draw.plan(dataflow, "transform", runner_fault=fault, again=draw.again(), **parts)
    if draw.kind == "spoiled checkpoints":  # of an earlier run, or of the run's first attempt
        if draw.chance(0.4):
            return draw.plan(dataflow, "transform", checkpoints="own", spoiled=spoiled)
        fault = OperationFault("kill", *draw.one(*RUNNER_IS_DONE), 1)
        how = {"fault": fault} if draw.chance(0.5) else {"strike": strike}
        return draw.plan(dataflow, "transform", **how, **parts)
    # No room, or no right to write. The checkpoints of flight_delays are small: none may fit.
    most = {"airport_days": 70, "flight_delays": 3}[dataflow]
    full = FullDisk(CHECKPOINTS, draw.whole(0, most))
    how = {"full": full} if draw.chance(0.5) else {"closed": place_of(dataflow)}
    own = {"checkpoints": "own", "spoiled": spoiled}
    parts = own if draw.chance(0.5) else {"checkpoints": "others"}
    parts["strike"] = strike if draw.chance(0.3) else None
    return draw.plan(dataflow, "transform", **how, **parts)


def _of_runners(victims: tuple[str, ...], draw: Draw) -> Plan:
    """Draw a plan that strikes while a runner runs: after an event, or at any time."""
    victim, dataflow = draw.one(*victims), draw.dataflow(0.1)
    if victim == "task_supervisor" and draw.chance(0.6):  # an attempt goes on alone, slowly
        fault, strike = draw.fault("pause"), ProcessFault("task_supervisor", draw.between(0, 0.2))
        task = draw.one("ingest", "publish", "publish")
        return draw.plan(draw.dataflow(0.2), task, fault=fault, strike=strike)
    saves = draw.one("", "", "others", "own") if dataflow in WITH_CHECKPOINTS else ""
    strike = ProcessFault(victim, draw.between(0, 2))
    if draw.chance(0.7):
        reads = ("checkpoint_written", "checkpoint_reused") if saves else ()
        event, nodes = draw.one(*EVENTS, *reads), NODES[dataflow]
        most = {"node_started": nodes, "node_finished": nodes, "output_staged": 2, STAGING: 2}
        count = draw.whole(1, most.get(event, 1))
        strike = ProcessFault(victim, draw.between(0, 0.05), event, count)
    return draw.plan(dataflow, "transform", strike=strike, checkpoints=saves, again=draw.again())


def _of_tasks(draw: Draw) -> Plan:
    """Draw a plan in which a task is killed, or the store fails."""
    if draw.kind == "at any time":  # where no operation begins or ends: in Delta's commit, say
        task = draw.one("ingest", *["publish"] * 3)
        dataflow = "flight_delays" if task == "ingest" else draw.dataflow(0.3)
        strike = ProcessFault("task", draw.between(0, 0.12))
        return draw.plan(dataflow, task, task, strike=strike, again=draw.again())
    task = draw.one(*["ingest"] * 2, *["transform"] * 3, *["publish"] * 5)
    dataflow = draw.dataflow({"ingest": 0.7, "transform": 0.12, "publish": 0.2}[task])
    if draw.kind == "the store fails":
        return draw.plan(dataflow, task, fault=draw.fault(draw.one("fail", "fail", "slow")))
    return draw.plan(dataflow, task, fault=draw.fault(), again=draw.again())


def _of_surroundings(draw: Draw) -> Plan:
    """Draw a plan in which disks, files, clocks or runners are faulty."""
    dataflow = draw.dataflow(0.1)
    if draw.kind in ("disk full", "no permission"):
        task = draw.one("ingest", "transform", "publish", "publish")
        dataflow = "flight_delays" if task == "ingest" else dataflow
        if draw.kind == "no permission":
            closed = draw.one(*product.written_by(task, dataflow))
            return draw.plan(dataflow, task, task, closed=closed)
        disk, most = (draw.one("lake", "runs"), 70) if task == "transform" else ("lake", 12)
        return draw.plan(dataflow, task, task, full=FullDisk(disk, draw.whole(0, most)))
    if draw.kind == "moved clocks":
        named = (*TASKS, "files", "garbage-collection", "rollback")
        hours = tuple((name, draw.between(-30, 30)) for name in named)
        start = draw.one("transform", *["publish"] * 3)
        later = draw.one(
            ("garbage-collection",), ("roll back",), ("roll back", "garbage-collection"), ()
        )
        return draw.plan(dataflow, "publish", start, later, clocks=hours, fault=draw.fault())
    if draw.kind == "a faulty runner":
        fault = draw.one(*(name for name in ANSWER_FAULTS if name not in DUPLICATES))
        return draw.plan(dataflow, "transform", answer_fault=fault)
    if draw.chance(0.2):
        return draw.plan(draw.dataflow(0), "publish", "publish", truncated=True)
    action, choice = draw.one("truncate", "flip"), draw.whole(0, 1 << 30)
    fault = OperationFault(action, *draw.one(*RUNNER_IS_DONE), 1, choice=choice)
    return draw.plan(dataflow, "transform", fault=fault)


def _of_others(draw: Draw) -> Plan:
    """Draw a plan in which something is done twice, or by other runs and people."""
    if draw.kind == "two runs at once":
        task, after = draw.one("ingest", *["transform"] * 3, *["publish"] * 8), draw.between(0, 0.3)
        share = {"ingest": 1, "transform": 0, "publish": 0.2}[task]
        dataflow = draw.dataflow(share, partitioned=0)
        fault = draw.fault() if draw.chance(0.6) else None
        return draw.plan(dataflow, task, task, fault=fault, second_after=after)
    fault = draw.fault("pause")
    if draw.kind == "duplicates":
        if draw.chance(0.4):
            twice = draw.one(*DUPLICATES)
            return draw.plan("airport_days", "transform", "transform", answer_fault=twice)
        return draw.plan(draw.dataflow(0.2), "publish", fault=fault, beside="publish twice")
    if draw.chance(0.25):  # another input, when a run has pinned the old one and not yet read it
        task = draw.one("ingest", "transform")
        where = {"ingest": ("open", product.PINS), "transform": ("shutil.rmtree", "*")}[task]
        fault = OperationFault("pause", *where, 1)
        return draw.plan("airport_days", task, fault=fault, beside="supersede")
    task = draw.one("transform", "publish", "publish")
    dataflow = "airport_days" if task == "transform" else draw.dataflow(0.2)
    beside = draw.one("roll back", "garbage-collection", "collect everything")
    later = () if beside == "collect everything" else None
    return draw.plan(dataflow, task, later=later, fault=fault, beside=beside)


KINDS: Mapping[str, tuple[int, Callable[[Draw], Plan]]] = {
    "months at once": (3, _of_months),
    "a month meanwhile": (4, _of_months),
    "a month between": (3, _of_months),
    "people meanwhile": (2, _of_months),
    "rolled back months": (2, _of_months),
    "killed in the store": (4, _of_checkpoints),
    "spoiled checkpoints": (4, _of_checkpoints),
    "no room to save": (3, _of_checkpoints),
    "kill the task": (8, _of_tasks),
    "at any time": (4, _of_tasks),
    "the store fails": (3, _of_tasks),
    "kill the runner": (3, partial(_of_runners, ("runner", "supervisor"))),
    "kill all at once": (3, partial(_of_runners, ("task", "everything"))),
    "kill the task supervisor": (3, partial(_of_runners, ("task_supervisor",))),
    "stop the task": (2, partial(_of_runners, ("stop",))),
    "disk full": (3, _of_surroundings),
    "no permission": (3, _of_surroundings),
    "spoiled files": (3, _of_surroundings),
    "moved clocks": (3, _of_surroundings),
    "a faulty runner": (4, _of_surroundings),
    "duplicates": (3, _of_others),
    "two runs at once": (4, _of_others),
    "other work meanwhile": (4, _of_others),
}
"""Each kind with its weight and what draws the rest of its plan."""


@st.composite
def plans(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Plan:
    """Draw a kind by its weight, and a plan of it."""
    weighted = [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]
    kind = draw(st.sampled_from(weighted))
    return KINDS[kind][1](Draw(draw, kind))


def draw_plan(number: int) -> Plan:
    """Return the plan of a seed."""
    drawn: list[Plan] = []

    @seed(number)
    @settings(
        max_examples=2,  # the first that Hypothesis draws is always the simplest one
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(plans())
    def collect(plan: Plan) -> None:
        drawn.append(plan)

    collect()
    return replace(drawn[-1], seed=number)
