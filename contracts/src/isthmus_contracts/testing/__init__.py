"""The conformance kit: what each side tests itself with, so that it never needs the other.

- `runner`: a runner in the standard library alone, with which the platform is tested, faults
  included; `false_results` are some of these faults.
- `sample_catalog`: dataflows to test with.
- `conformance`: the checks that every real runner must pass, with `refusals`; `harness` starts a
  runner for them and reads what it answers.
- `partition_parity`: the check that a dataflow with partitioned outputs must pass.
"""
