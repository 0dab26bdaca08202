"""The rules: what a difference between two contracts is called, and whom it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["input", "output"]
"""Whether a difference is in what a contract demands, or in what it offers."""

Effect: TypeAlias = Literal["breaking", "additive", "internal"]
EFFECTS: tuple[Effect, ...] = ("breaking", "additive", "internal")
"""What a difference may do to whoever is protected, the worst first."""

Level: TypeAlias = Literal["readers", "callers", "wording"]

LEVELS: Mapping[Level, str] = {
    "readers": "protect whoever reads what is published",
    "callers": "protect also whoever runs or feeds it: platform, notebooks, services, sources",
    "wording": "protect also whoever relies on descriptions, order, defaults and owners",
}
"""Each level protects everybody whom the one before it protects."""

DEFAULT_LEVEL: Level = "callers"


@dataclass(frozen=True, slots=True)
class Rule:
    """Name one kind of difference, and say at each level what it does to those protected."""

    name: str
    meaning: str
    side: Side
    readers: Effect
    callers: Effect
    wording: Effect

    def classified(self, level: Level) -> Effect:
        """Return the class of such a difference at that level."""
        effects: Mapping[Level, Effect] = {
            "readers": self.readers,
            "callers": self.callers,
            "wording": self.wording,
        }
        return effects[level]


BRK: Effect = "breaking"
ADD: Effect = "additive"
INT: Effect = "internal"

# The columns of effects are those of LEVELS: readers, callers, wording.
RULES: tuple[Rule, ...] = (
    # A dataflow or dataset as a whole.
    Rule("dataflow-added", "A dataflow is new.", "output", ADD, ADD, ADD),
    Rule("dataflow-dropped", "Gone before its notice ended.", "output", BRK, BRK, BRK),
    Rule("dataflow-retired", "Gone, and its notice had ended.", "output", INT, INT, INT),
    Rule("dataflow-replaced", "Another major took its place.", "output", BRK, BRK, BRK),
    Rule("dataset-added", "A dataset is new.", "output", ADD, ADD, ADD),
    Rule("dataset-dropped", "Gone while a dataflow read it.", "output", BRK, BRK, BRK),
    Rule("dataset-retired", "Gone when no dataflow read it.", "output", INT, INT, INT),
    Rule("deprecated", "Its last day is announced.", "output", ADD, ADD, ADD),
    Rule("deprecation-brought-forward", "It ends earlier.", "output", ADD, BRK, BRK),
    Rule("deprecation-postponed", "It ends later.", "output", ADD, ADD, ADD),
    Rule("deprecation-withdrawn", "It no longer ends.", "output", ADD, ADD, ADD),
    Rule("owner-changed", "Somebody else answers for it.", "output", INT, INT, BRK),
    # What both sides have: words, and the order of names.
    Rule("description-changed", "What is offered reads otherwise.", "output", INT, INT, BRK),
    Rule("description-changed", "What is asked for reads otherwise.", "input", INT, INT, BRK),
    Rule("order-changed", "The same names in another order.", "output", INT, INT, BRK),
    Rule("order-changed", "The same names in another order.", "input", INT, INT, BRK),
    # What a dataflow asks of whoever runs it.
    Rule("input-added", "It reads one table more.", "input", ADD, BRK, BRK),
    Rule("input-dropped", "It reads one table less.", "input", INT, ADD, ADD),
    Rule("input-source-changed", "It reads a table of another.", "input", INT, BRK, BRK),
    # To what is read within a column, whoever feeds it may give the interval's rows alone.
    Rule("filter-column-added", "For an interval it reads less.", "input", INT, ADD, ADD),
    Rule("filter-column-removed", "For an interval it reads everything.", "input", INT, BRK, BRK),
    Rule("filter-column-changed", "An interval's rows are others.", "input", INT, BRK, BRK),
    Rule("param-added", "There is one choice more.", "input", INT, ADD, ADD),
    Rule("param-dropped", "A param is not taken any more.", "input", INT, BRK, BRK),
    Rule("param-retyped", "A param has another type.", "input", INT, BRK, BRK),
    Rule("param-narrowed", "A value is refused now.", "input", INT, BRK, BRK),
    Rule("param-widened", "A value is allowed now.", "input", INT, ADD, ADD),
    Rule("param-restated", "The same values, said otherwise.", "input", INT, INT, BRK),
    Rule("param-default-changed", "Saying nothing means another value.", "input", INT, ADD, BRK),
    # What a dataflow offers besides tables.
    Rule("checkpoint-added", "There is one more stage boundary.", "output", INT, ADD, ADD),
    Rule("checkpoint-withdrawn", "A stage boundary is gone.", "output", INT, BRK, BRK),
    Rule("output-added", "An output is new.", "output", ADD, ADD, ADD),
    Rule("output-dropped", "An output is gone.", "output", BRK, BRK, BRK),
    Rule("output-kind-changed", "Say, a table became a file.", "output", BRK, BRK, BRK),
    Rule("file-suffix-changed", "A file has another format.", "output", BRK, BRK, BRK),
    Rule("metric-added", "A number is new.", "output", ADD, ADD, ADD),
    Rule("metric-dropped", "A number is gone.", "output", BRK, BRK, BRK),
    Rule("metric-range-widened", "A number may be out of its range.", "output", BRK, BRK, BRK),
    Rule("metric-range-narrowed", "A number promises more.", "output", ADD, ADD, ADD),
    Rule("metric-made-nullable", "A number may be missing.", "output", BRK, BRK, BRK),
    Rule("metric-made-not-null", "No number is missing.", "output", ADD, ADD, ADD),
    # A table that a dataflow publishes promises something to its readers.
    Rule("column-added", "A column is new.", "output", ADD, ADD, ADD),
    Rule("column-dropped", "A column is gone.", "output", BRK, BRK, BRK),
    Rule("column-renamed", "A column has another name.", "output", BRK, BRK, BRK),
    Rule("column-retyped", "A column has another type.", "output", BRK, BRK, BRK),
    Rule("column-made-nullable", "A value may be missing.", "output", BRK, BRK, BRK),
    Rule("column-made-not-null", "No value is missing.", "output", ADD, ADD, ADD),
    Rule("column-made-inexact", "A number may be rounded.", "output", BRK, BRK, BRK),
    Rule("column-made-exact", "No number is rounded.", "output", ADD, ADD, ADD),
    Rule("column-unit-changed", "A number means another amount.", "output", BRK, BRK, BRK),
    Rule("column-range-widened", "A number may be out of its range.", "output", BRK, BRK, BRK),
    Rule("column-range-narrowed", "A number promises more.", "output", ADD, ADD, ADD),
    Rule("column-choices-added", "A value nobody knew may occur.", "output", BRK, BRK, BRK),
    Rule("column-choices-removed", "A value does not occur any more.", "output", ADD, ADD, ADD),
    Rule("key-added", "The rows have a key.", "output", ADD, ADD, ADD),
    Rule("key-changed", "The key of the rows has changed.", "output", BRK, BRK, BRK),
    Rule("min-rows-lowered", "It may be smaller.", "output", BRK, BRK, BRK),
    Rule("min-rows-raised", "It promises more rows.", "output", ADD, ADD, ADD),
    Rule("max-row-change-raised", "Its size may vary more.", "output", BRK, BRK, BRK),
    Rule("max-row-change-lowered", "Its size varies less.", "output", ADD, ADD, ADD),
    # A partitioned table may hold rows of several runs side by side, one without partitions those
    # of one run. Whoever runs it has intervals that fit, and what is published has the parts that
    # they replace; to have other parts, or none, is to begin anew.
    Rule("partitioning-added", "Rows of several runs may be there.", "output", BRK, BRK, BRK),
    Rule("partitioning-removed", "It is replaced as a whole only.", "output", ADD, BRK, BRK),
    Rule("partitioning-changed", "Other parts are replaced.", "output", INT, BRK, BRK),
    Rule("column-warnings-changed", "It warns at other values.", "output", INT, INT, ADD),
    # A table of a dataset promises that too, and its source has to keep the promise.
    Rule("table-added", "The source has to provide a table.", "input", ADD, BRK, BRK),
    Rule("table-dropped", "A table is gone.", "input", BRK, BRK, BRK),
    Rule("column-added", "The source has to provide a column.", "input", ADD, BRK, BRK),
    Rule("column-dropped", "A column is gone.", "input", BRK, BRK, BRK),
    Rule("column-renamed", "A column has another name.", "input", BRK, BRK, BRK),
    Rule("column-retyped", "A column has another type.", "input", BRK, BRK, BRK),
    Rule("column-made-nullable", "A value may be missing.", "input", BRK, BRK, BRK),
    Rule("column-made-not-null", "The source may omit no value.", "input", ADD, BRK, BRK),
    Rule("column-made-inexact", "A number may be rounded.", "input", BRK, BRK, BRK),
    Rule("column-made-exact", "The source may send no other number.", "input", ADD, BRK, BRK),
    Rule("column-unit-changed", "A number means another amount.", "input", BRK, BRK, BRK),
    Rule("column-range-widened", "A number may be out of its range.", "input", BRK, BRK, BRK),
    Rule("column-range-narrowed", "The source has to promise more.", "input", ADD, BRK, BRK),
    Rule("column-choices-added", "A value nobody knew may occur.", "input", BRK, BRK, BRK),
    Rule("column-choices-removed", "The source has to avoid a value.", "input", ADD, BRK, BRK),
    Rule("key-added", "The source has to tell rows apart.", "input", ADD, BRK, BRK),
    Rule("key-changed", "The key of the rows has changed.", "input", BRK, BRK, BRK),
    Rule("min-rows-lowered", "It may be smaller.", "input", BRK, BRK, BRK),
    Rule("min-rows-raised", "The source has to provide more rows.", "input", ADD, BRK, BRK),
    Rule("column-warnings-changed", "It warns at other values.", "input", INT, INT, ADD),
)
