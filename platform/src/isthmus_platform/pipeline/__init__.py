"""What the tasks of a run do, as plain functions that do not know Airflow.

- `context`: which attempt of which task runs, and what the task gets from outside;
- `ingest`, `transform`, `publish`: one function for each kind of task;
- `results`: what one task leaves for the next, as plain JSON;
- `approval`: the request that a person answers before `publish`;
- `intervals`, `end_of_life`: for which interval a run is, and whether the dataflow still runs;
- `event_log`: the runner's events as lines of the task's log;
- `checkpoint_sync`: copies checkpoints into the lake while the runner computes.
"""
