"""What the platform team and the data-science team have both signed.

Declarations say what a dataflow takes and offers; `isthmus_contracts.catalog` holds those in force;
`isthmus_contracts.protocol` holds the messages between the platform and a runner.
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
from isthmus_contracts.params import Param, ParamType, ParamValue, resolve_params
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
    "ProtocolError",
    "Table",
    "UnknownNameError",
    "resolve_interval",
    "resolve_params",
]
