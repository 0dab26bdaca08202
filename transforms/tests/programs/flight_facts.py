"""Fifty small functions over the flights: a dataflow that benchmarks compute in several ways.

It imports nothing but pandas and numpy, so that a process for one function costs no more than it
must. Minutes are min, distances km; a delay below 0 is early.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_DAY_MINUTES = 24 * 60
_KM_PER_MILE = 1.609344


def arrived(flights: pd.DataFrame) -> pd.DataFrame:
    arrived = flights[flights["arr_delay"].notna()]
    return arrived.sort_values(["month", "day", "carrier", "flight", "origin"], ignore_index=True)


def date(arrived: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(arrived[["year", "month", "day"]])


def day_of_week(date: pd.Series) -> pd.Series:
    return date.dt.day_of_week.astype("int64")


def day_of_year(date: pd.Series) -> pd.Series:
    return date.dt.day_of_year.astype("int64")


def week(date: pd.Series) -> pd.Series:
    return date.dt.isocalendar()["week"].astype("int64")


def quarter(date: pd.Series) -> pd.Series:
    return date.dt.quarter.astype("int64")


def is_weekend(day_of_week: pd.Series) -> pd.Series:
    return day_of_week >= 5


def departure_minute(arrived: pd.DataFrame) -> pd.Series:
    return arrived["sched_dep_time"] // 100 * 60 + arrived["sched_dep_time"] % 100


def arrival_minute(arrived: pd.DataFrame) -> pd.Series:
    return arrived["sched_arr_time"] // 100 * 60 + arrived["sched_arr_time"] % 100


def departure_hour(departure_minute: pd.Series) -> pd.Series:
    return departure_minute // 60


def arrival_hour(arrival_minute: pd.Series) -> pd.Series:
    return arrival_minute // 60


def scheduled_minutes(departure_minute: pd.Series, arrival_minute: pd.Series) -> pd.Series:
    return (arrival_minute - departure_minute) % _DAY_MINUTES


def is_night(departure_hour: pd.Series) -> pd.Series:
    return (departure_hour < 6) | (departure_hour >= 22)


def is_rush(departure_hour: pd.Series) -> pd.Series:
    return departure_hour.isin([7, 8, 16, 17, 18])


def part_of_day(departure_hour: pd.Series) -> pd.Series:
    return departure_hour // 6


def kilometres(arrived: pd.DataFrame) -> pd.Series:
    return arrived["distance"] * _KM_PER_MILE


def log_distance(kilometres: pd.Series) -> pd.Series:
    return np.log(kilometres)


def is_long(kilometres: pd.Series) -> pd.Series:
    return kilometres > 3000


def speed(arrived: pd.DataFrame, kilometres: pd.Series) -> pd.Series:
    return kilometres / (arrived["air_time"] / 60)


def slack(arrived: pd.DataFrame, scheduled_minutes: pd.Series) -> pd.Series:
    return scheduled_minutes - arrived["air_time"]


def slack_share(slack: pd.Series, scheduled_minutes: pd.Series) -> pd.Series:
    return slack / scheduled_minutes.clip(lower=1)


def departure_delay(arrived: pd.DataFrame) -> pd.Series:
    return arrived["dep_delay"]


def arrival_delay(arrived: pd.DataFrame) -> pd.Series:
    return arrived["arr_delay"]


def made_up(departure_delay: pd.Series, arrival_delay: pd.Series) -> pd.Series:
    return departure_delay - arrival_delay


def made_up_per_hour(arrived: pd.DataFrame, made_up: pd.Series) -> pd.Series:
    return made_up / (arrived["air_time"] / 60)


def is_late(arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay >= 15


def is_very_late(arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay >= 60


def is_early(arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay < 0


def left_late(departure_delay: pd.Series) -> pd.Series:
    return departure_delay >= 15


def recovered(left_late: pd.Series, is_late: pd.Series) -> pd.Series:
    return left_late & ~is_late


def clipped_delay(arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay.clip(-60, 180)


def delay_rank(arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay.rank(pct=True)


def flights_of_day(date: pd.Series) -> pd.Series:
    return date.groupby(date).transform("size")


def flights_of_hour(arrived: pd.DataFrame, date: pd.Series, departure_hour: pd.Series) -> pd.Series:
    return date.groupby([arrived["origin"], date, departure_hour]).transform("size")


def flights_of_carrier(arrived: pd.DataFrame, date: pd.Series) -> pd.Series:
    return date.groupby([arrived["carrier"], date]).transform("size")


def flights_of_route(arrived: pd.DataFrame) -> pd.Series:
    return arrived.groupby(["origin", "dest"])["flight"].transform("size")


def share_of_carrier(flights_of_carrier: pd.Series, flights_of_day: pd.Series) -> pd.Series:
    return flights_of_carrier / flights_of_day


def is_rare_route(flights_of_route: pd.Series) -> pd.Series:
    return flights_of_route < 365


def is_crowded(flights_of_hour: pd.Series) -> pd.Series:
    return flights_of_hour > flights_of_hour.quantile(0.9)


def carrier_delay(arrived: pd.DataFrame, arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay.groupby(arrived["carrier"]).transform("mean")


def route_delay(arrived: pd.DataFrame, arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay.groupby([arrived["origin"], arrived["dest"]]).transform("mean")


def hour_delay(departure_hour: pd.Series, arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay.groupby(departure_hour).transform("mean")


def weekday_delay(day_of_week: pd.Series, arrival_delay: pd.Series) -> pd.Series:
    return arrival_delay.groupby(day_of_week).transform("mean")


def over_carrier(arrival_delay: pd.Series, carrier_delay: pd.Series) -> pd.Series:
    return arrival_delay - carrier_delay


def over_route(arrival_delay: pd.Series, route_delay: pd.Series) -> pd.Series:
    return arrival_delay - route_delay


def over_hour(arrival_delay: pd.Series, hour_delay: pd.Series) -> pd.Series:
    return arrival_delay - hour_delay


def over_weekday(arrival_delay: pd.Series, weekday_delay: pd.Series) -> pd.Series:
    return arrival_delay - weekday_delay


def expected_delay(
    carrier_delay: pd.Series,
    route_delay: pd.Series,
    hour_delay: pd.Series,
    weekday_delay: pd.Series,
) -> pd.Series:
    return (carrier_delay + route_delay + hour_delay + weekday_delay) / 4


def surprise(arrival_delay: pd.Series, expected_delay: pd.Series) -> pd.Series:
    return arrival_delay - expected_delay


def flight_facts(  # noqa: PLR0913, PLR0917 - one for each column
    arrived: pd.DataFrame,
    date: pd.Series,
    day_of_week: pd.Series,
    day_of_year: pd.Series,
    week: pd.Series,
    quarter: pd.Series,
    is_weekend: pd.Series,
    departure_minute: pd.Series,
    arrival_minute: pd.Series,
    departure_hour: pd.Series,
    arrival_hour: pd.Series,
    scheduled_minutes: pd.Series,
    is_night: pd.Series,
    is_rush: pd.Series,
    part_of_day: pd.Series,
    kilometres: pd.Series,
    log_distance: pd.Series,
    is_long: pd.Series,
    speed: pd.Series,
    slack: pd.Series,
    slack_share: pd.Series,
    departure_delay: pd.Series,
    arrival_delay: pd.Series,
    made_up: pd.Series,
    made_up_per_hour: pd.Series,
    is_late: pd.Series,
    is_very_late: pd.Series,
    is_early: pd.Series,
    left_late: pd.Series,
    recovered: pd.Series,
    clipped_delay: pd.Series,
    delay_rank: pd.Series,
    flights_of_day: pd.Series,
    flights_of_hour: pd.Series,
    flights_of_carrier: pd.Series,
    flights_of_route: pd.Series,
    share_of_carrier: pd.Series,
    is_rare_route: pd.Series,
    is_crowded: pd.Series,
    carrier_delay: pd.Series,
    route_delay: pd.Series,
    hour_delay: pd.Series,
    weekday_delay: pd.Series,
    over_carrier: pd.Series,
    over_route: pd.Series,
    over_hour: pd.Series,
    over_weekday: pd.Series,
    expected_delay: pd.Series,
    surprise: pd.Series,
) -> pd.DataFrame:
    computed = {name: value for name, value in locals().items() if name != "arrived"}
    return arrived[["carrier", "flight", "origin"]].assign(**computed)
