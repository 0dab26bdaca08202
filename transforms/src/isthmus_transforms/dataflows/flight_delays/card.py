"""The model card: one self-contained HTML page."""

from __future__ import annotations

import calendar
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from isthmus_transforms.shared.plotting import png

BLUE, GREY = "#1f5fa8", "#8a8f98"
KINDS = {"logistic": "logistic regression", "boosting": "gradient boosting of trees"}
LIMITS = (
    "It learnt from flights that arrived: cancelled and diverted ones are unknown to it. It takes "
    "the weather as observed in the hour of departure, where a real question has only a forecast. "
    "It knows nothing of the aircraft's earlier flights of the day."
)
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2rem; }
table { border-collapse: collapse; } th { text-align: left; font-weight: 600; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #dfe3e8; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } .plots img { width: 28rem; max-width: 100%; }
"""


def calibration_plot(calibration: pd.DataFrame) -> bytes:
    """Observed against expected share of late flights, as a PNG; on the diagonal is perfect."""
    figure, axes = _square("Calibration", "expected share of late flights", "observed share")
    most = min(1.0, 1.1 * float(calibration.to_numpy().max()))
    axes.plot([0, most], [0, most], color=GREY, linestyle="--", linewidth=1, label="perfect")
    axes.plot(
        calibration["expected"],
        calibration["observed"],
        color=BLUE,
        marker="o",
        linewidth=2,
        label="a tenth of the flights",
    )
    axes.set(xlim=(0, most), ylim=(0, most))
    axes.legend(loc="upper left", frameon=False)
    return png(figure)


def roc_plot(roc_curve: pd.DataFrame, delay_metrics: dict[str, float]) -> bytes:
    """Late flights found against other flights suspected, as a PNG; the diagonal is guessing."""
    figure, axes = _square("ROC", "other flights suspected", "late flights found")
    area = f"model, area {delay_metrics['roc_auc']:.3f}"
    axes.fill_between(roc_curve["suspected"], roc_curve["found"], color=BLUE, alpha=0.1)
    axes.plot(roc_curve["suspected"], roc_curve["found"], color=BLUE, linewidth=2, label=area)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="guessing, area 0.5")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right", frameon=False)
    return png(figure)


def model_card(
    delay_metrics: dict[str, float],
    carrier_scores: pd.DataFrame,
    calibration_plot: bytes,
    roc_plot: bytes,
    model: str,
    origin: str,
    late_after_minutes: int,
    test_from_month: int,
    seed: int,
) -> bytes:
    """Page in HTML on what the model does, how good it is and where not to trust it."""
    kind = KINDS.get(model, model)
    airports = "EWR, JFK and LGA" if origin == "all" else origin
    trained, tested = delay_metrics["rows_trained"], delay_metrics["rows_tested"]
    first_tested = calendar.month_name[test_from_month]
    facts = [
        ("Question", f"Does a flight arrive {late_after_minutes} min after schedule or later?"),
        ("Kind of model", kind),
        ("Departure airports", airports),
        ("Trained on", f"{trained:,.0f} flights, in the months before {first_tested}"),
        ("Tested on", f"{tested:,.0f} flights, in the months from {first_tested}"),
        ("Seed", str(seed)),
    ]
    measures = [
        ("Area under the ROC curve", f"{delay_metrics['roc_auc']:.4f}", "0.5 is guessing"),
        ("Brier score", f"{delay_metrics['brier_score']:.4f}", _brier_of_guessing(delay_metrics)),
        ("Late flights", f"{delay_metrics['base_rate']:.1%}", "share of the tested flights"),
    ]
    body = [
        "<h1>Late arrivals out of New York</h1>",
        f"<p>{escape(kind.capitalize())}, asked before departure.</p>",
        _table(("", ""), facts),
        "<h2>How good it is</h2>",
        _table(("Measure", "Value", "To compare"), measures, numbers={1}),
        f'<div class="plots">{_image(calibration_plot, "Calibration plot")}',
        f"{_image(roc_plot, 'ROC plot')}</div>",
        "<h2>Airlines in the tested months</h2>",
        _carriers(carrier_scores),
        "<h2>Where not to trust it</h2>",
        f"<p>{LIMITS}</p>",
    ]
    head = f'<meta charset="utf-8"><title>Late arrivals</title><style>{STYLE}</style>'
    page = ["<!doctype html>", f'<html lang="en"><head>{head}</head><body>', *body]
    return "\n".join([*page, "</body></html>", ""]).encode()


def _brier_of_guessing(metrics: dict[str, float]) -> str:
    rate = metrics["base_rate"]
    return f"{rate * (1 - rate):.4f} for always saying the share of late flights"


def _carriers(scores: pd.DataFrame) -> str:
    heads = ("Airline", "Flights", "Late", "Expected late", "Mean delay, min")
    rows = [
        (
            _airline(row["carrier"], row["carrier_name"]),
            f"{row['flights']:,}",
            f"{row['late_share']:.1%}",
            f"{row['expected_late_share']:.1%}",
            f"{row['mean_arr_delay']:.1f}",
        )
        for row in scores.to_dict("records")
    ]
    return _table(heads, rows, numbers={1, 2, 3, 4})


def _airline(carrier: str, name: object) -> str:
    return f"{name} ({carrier})" if isinstance(name, str) else carrier


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        parts = [
            f"<{tag}{' class=number' if at in numbers else ''}>{escape(str(cell))}</{tag}>"
            for at, cell in enumerate(cells)
        ]
        return f"<tr>{''.join(parts)}</tr>"

    lines = [line("th", heads)] if any(heads) else []
    return "<table>" + "\n".join([*lines, *(line("td", row) for row in rows)]) + "</table>"


def _image(picture: bytes, words: str) -> str:
    content = b64encode(picture).decode()
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{content}">'


def _square(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y, aspect="equal")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e9ed", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes
