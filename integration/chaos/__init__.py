"""Chaos: real runs, disturbed at random, of which none may be green without a complete release.

`python -m integration.chaos --cases 300 --seed 7` carries out 300 plans; README.md says how chaos
is built, and how one case is run again.
"""
