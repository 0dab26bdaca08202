"""Chaos: real runs, disturbed at random, of which none may be green without a complete release.

`python -m integration.chaos --cases 300 --seed 7` draws a plan from each seed, carries it out on a
copy of a small lake, lets the run recover, and looks at what is there from outside. One seed is one
plan: `--seed N --cases 1` repeats it. Seeds count up, so sessions from 1 and from 2 on carry out
almost the same plans; take seeds that lie far apart. From the inside out:

- `orders`: what travels to a task's process, and what is to happen in it;
- `tasks`, `traps`, `bugs`: that process, which executes the real operators;
- `zygote`: the process that it is forked from in milliseconds, for it has imported Airflow already;
- `lying_runner`: a runner that changes what the real one says;
- `plans`: what can happen in a case; `kinds`, with `months` for runs for an interval and `resumes`
  for checkpoints, draw it from a seed with a `dice`; `moments` says where a task or a runner can be
  struck, `spans` what runs are for;
- `scheduler`, `cases`: the part that Airflow plays, and one plan carried out;
- `lakes`, `invariants`, `partitions`: what is read from the lake, and what must hold of it;
- `stores`: what befalls checkpoints, and what must hold of them; `disks`: small ones, soon full;
- `templates`: the lake that every case starts with, and the content of undisturbed runs;
- `sessions`, `__main__`: many cases, two at a time, and their table.
"""
