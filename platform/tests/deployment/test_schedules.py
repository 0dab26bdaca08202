"""Schedules that come, and mean what they seem to mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from isthmus_platform.deployment.schedules import next_runs, schedule_problems

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "30 4 * * *",
            "0 0 1 * *",
            "*/15 * * * *",
            "0 */6 * * *",
            "0 0 1 */3 *",
            "0 0 ? * MON-FRI",
        ),
        *("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly", "0 0 29 2 *"),
        *("0 0 L * *", "0,45 * * * *", "0 0 1-31/2 * *", "0 0 1 mar *", "0 0 * * thu"),
    ],
)
def test_a_schedule_of_five_fields_is_accepted(expression: str) -> None:
    assert not list(schedule_problems(expression))


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("0 0 30 2 *", "no time that ever comes"),
        ("0 0 31 2,4,6,9,11 *", "no time that ever comes"),
        ("0 0 4 * * *", "6 fields; expected five (minute, hour, day of the month, month, day of"),
        ("0 30 4 * * *", "6 fields; expected five"),
        ("0 0 4 * * * 2030", "7 fields; expected five"),
        ("0 4 * *", "4 fields; expected five"),
        ("@once", "1 fields; expected five"),
        ("every day", "2 fields; expected five"),
        ("*/45 * * * *", "the minute '*/45', which does not divide 60; list the times instead"),
        ("0 */5 * * *", "the hour '*/5', which does not divide 24"),
        ("0 0 */2 * *", "the day of the month '*/2', which does not divide 31"),
        ("*/0 * * * *", "the minute '*/0'"),
        ("0 0 13 * 5", "the days '13' and '5', of which cron takes every day that matches either"),
        ("R 4 * * *", "the minute 'R', which is drawn at random; choose one"),
        ("H(0-10) 4 * * *", "the minute 'H(0-10)', which is drawn at random"),
        ("0 25 * * *", "a field that cron refuses: [0 25 * * *] is not acceptable, out of range"),
        ("0 0 * * blue", "a field that cron refuses: "),
    ],
)
def test_one_that_never_comes_or_seems_to_mean_something_else_is_refused(
    expression: str, problem: str
) -> None:
    first, *_ = schedule_problems(expression)
    assert first.startswith(problem)


def test_every_reason_is_given() -> None:
    assert len(list(schedule_problems("*/7 */7 13 * 5"))) == 3


def test_the_next_runs_each_have_the_time_before() -> None:
    def times(expression: str) -> list[tuple[str, str]]:
        runs = next_runs(expression, NOW, 2)
        return [(f"{before:%Y-%m-%d %H:%M}", f"{time:%Y-%m-%d %H:%M}") for before, time in runs]

    assert times("30 4 * * *") == [
        ("2026-01-31 04:30", "2026-02-01 04:30"),
        ("2026-02-01 04:30", "2026-02-02 04:30"),
    ]
    assert times("@monthly") == [
        ("2026-01-01 00:00", "2026-02-01 00:00"),
        ("2026-02-01 00:00", "2026-03-01 00:00"),
    ]
    assert times("0 0 29 2 *") == [
        ("2024-02-29 00:00", "2028-02-29 00:00"),
        ("2028-02-29 00:00", "2032-02-29 00:00"),
    ]


def test_the_times_are_those_of_airflow() -> None:
    from airflow.timetables.base import DataInterval, TimeRestriction  # noqa: PLC0415 - seconds
    from airflow.timetables.interval import CronDataIntervalTimetable  # noqa: PLC0415
    from pendulum import instance  # noqa: PLC0415

    for expression in ("30 4 * * *", "0 0 1 * *", "15 3 * * 1", "0 */6 * * *"):
        (first, second) = next_runs(expression, NOW, 2)
        timetable = CronDataIntervalTimetable(expression, timezone="UTC")
        last = DataInterval(instance(first[0]), instance(first[1]))
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(None, None, catchup=True)
        )
        assert info is not None
        assert info.data_interval is not None
        assert (info.data_interval.start, info.data_interval.end) == second
