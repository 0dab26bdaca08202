"""What the platform team and the data scientists have both signed.

- Declarations: `dataflows` (what a dataflow takes and offers), `tables`, `params`, `partitions`.
  Their names are exported here.
- `rules`: what a declaration promises about values, and how the result of a check reads.
- `exact_floats`: which float64 stands for a number of an exact type, such as NUMERIC.
- `protocol`: the messages between the platform and a runner; `codec` writes and reads them.
- `catalog`: the declarations in force.
- `testing`: the kit with which each side tests itself against all of this.
- `tools`: what only tools need, such as the comparison of two catalogs and exports.
- `errors` and `formatting`: the errors of this tree, and the parts that messages share.

Each module imports only the standard library and modules below it; `.importlinter` has the order.
"""

from __future__ import annotations

from isthmus_contracts.dataflows import (
    Checkpoint,
    DataflowContract,
    Dataset,
    Deprecation,
    File,
    Identity,
    Input,
    Metric,
    Metrics,
    Output,
    resolve_interval,
)
from isthmus_contracts.errors import (
    ContractError,
    DeclarationError,
    IntervalError,
    ParamError,
    ProtocolError,
    UnknownNameError,
)
from isthmus_contracts.params import (
    Param,
    ParamType,
    ParamValue,
    PlainValue,
    param_text,
    resolve_params,
)
from isthmus_contracts.partitions import Interval, Partitioning
from isthmus_contracts.tables import Column, ColumnType, Table

__all__ = [
    "Checkpoint",
    "Column",
    "ColumnType",
    "ContractError",
    "DataflowContract",
    "Dataset",
    "DeclarationError",
    "Deprecation",
    "File",
    "Identity",
    "Input",
    "Interval",
    "IntervalError",
    "Metric",
    "Metrics",
    "Output",
    "Param",
    "ParamError",
    "ParamType",
    "ParamValue",
    "Partitioning",
    "PlainValue",
    "ProtocolError",
    "Table",
    "UnknownNameError",
    "param_text",
    "resolve_interval",
    "resolve_params",
]
