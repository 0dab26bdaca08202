"""The conformance kit: what each side tests itself with, so that it never needs the other.

`runner` is a runner in the standard library alone, with which the platform is tested, faults
included; `conformance` holds the checks that every real runner must pass; `parts` the one that a
dataflow with partitioned outputs must.
"""
