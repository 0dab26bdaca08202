from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pyarrow as pa
import pytest
from airflow.sdk import Context
from airflow.utils.types import DagRunType
from pyarrow import parquet

from isthmus_contracts import Interval, IntervalError, Table
from isthmus_contracts.catalog import AIRPORT_DAYS, CARRIER_DAYS
from isthmus_platform.lake import releases
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.operators.intervals import interval_of, parts_of
from isthmus_platform.storage import DiskStore
from tests.operators.conftest import Company, value_of
