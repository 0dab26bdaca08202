"""The year as a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from isthmus_transforms.shared.plotting import png

EARLIEST, LATEST = -20, 60
"""Where the colours end, in min."""
DAYS_OF_WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MISSING = "#eceef1"


def delay_calendar(days: pd.DataFrame) -> bytes:
    """Calendar of the mean arrival delay, as a PNG: weeks from left to right, days downwards.

    One block per airport and year. Blue days were early, red days late, in min; grey days have no
    flight.
    """
    years: pd.Series = days["date"].dt.year
    blocks = [
        (f"{origin} {year}", year, days[(days["origin"] == origin) & (years == year)])
        for year in sorted(years.unique())
        for origin in sorted(days["origin"].unique())
    ]
    figure = Figure(figsize=(13, 0.9 + 2.0 * len(blocks)), layout="constrained")
    grid = figure.subplots(len(blocks), 1, squeeze=False)[:, 0]
    for axes, (title, year, block) in zip(grid, blocks, strict=True):
        mesh = _draw_year(axes, year, block.set_index("date")["mean_arr_delay"])
        axes.set_title(title, loc="left", fontweight="bold")
    figure.suptitle("Mean arrival delay by day of departure", fontsize=15, fontweight="bold")
    bar = figure.colorbar(mesh, ax=list(grid), extend="both", pad=0.01, aspect=14 * len(blocks))
    bar.set_ticks([-20, -10, 0, 15, 30, 45, 60])
    bar.set_label("minutes; negative is early")
    return png(figure, dpi=120)


def _draw_year(axes: Axes, year: int, delay: pd.Series) -> QuadMesh:
    dates = pd.date_range(f"{year}-01-01", f"{year}-12-31")
    week = (dates.day_of_year - 1 + dates[0].day_of_week) // 7
    squares: npt.NDArray[np.float64] = np.full((7, int(week[-1]) + 1), np.nan)
    squares[dates.day_of_week, week] = delay.reindex(dates).to_numpy()
    axes.set_facecolor("white")
    is_day = np.full(squares.shape, np.nan)
    is_day[dates.day_of_week, week] = 0
    axes.pcolormesh(is_day, color=MISSING, edgecolors="white", linewidth=1.5)
    mesh = axes.pcolormesh(
        squares,
        cmap="RdBu_r",
        norm=TwoSlopeNorm(0, EARLIEST, LATEST),
        edgecolors="white",
        linewidth=1.5,
    )
    firsts = dates[dates.day == 1]
    axes.set_xticks(week[dates.day == 1] + 0.5, [f"{first:%b}" for first in firsts])
    axes.set_yticks(np.arange(7) + 0.5, DAYS_OF_WEEK, fontsize=8)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return mesh
