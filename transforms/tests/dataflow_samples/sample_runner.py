"""The real runner, except that every dataflow is `troublesome`."""

from __future__ import annotations

import sys

import troublesome

from isthmus_transforms import request_handler, runner

request_handler.load_dataflow = lambda _name: troublesome.dataflow
sys.exit(runner.main())
