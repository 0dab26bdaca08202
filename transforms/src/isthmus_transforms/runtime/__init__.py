"""The runtime: everything that turns a contract and functions into computed outputs.

A dataflow's author imports two names from here, and nothing from the modules below:

- `Dataflow` ties functions to the contract that they implement; `compute` and `describe` work in a
  notebook as they do in the runner.
- `register_codec` teaches checkpoints how to save values of a type of your own.

A dataflow of this tree, for example, and the first nodes that it computes:

>>> from isthmus_transforms.dataflows.carrier_days import dataflow
>>> [node.name for node in dataflow.describe().nodes]
['flight_features', 'carrier_days']

How it works, from top to bottom (each layer imports only those below it; `.importlinter` says so):

- `dataflow`: the declaration, and computing with it.
- `plan`: what one run computes, for some targets, params and an interval.
- `execution`: the loop that calls functions in order, reports events and frees results.
- `checkpoints`: saved results that take the place of computing.
- `engines`: where calls run: in the loop, in threads, in processes.
- `staging`: outputs become files.
- `calls`: one call of a function, its retries and its error.
- `frames`: what functions may take and return, and how files become frames.
- `graph`: Hamilton's nodes, put in order and described.
- `checks`: rules evaluated on data.
- `code_location`: where a function is defined, whose code it is, and which versions there are.
- `codecs`: how a value becomes bytes, and the bytes exactly the same value.
"""

from __future__ import annotations

from isthmus_transforms.runtime.codecs import register as register_codec
from isthmus_transforms.runtime.dataflow import Dataflow

__all__ = ["Dataflow", "register_codec"]
