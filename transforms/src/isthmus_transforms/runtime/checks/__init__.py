"""Checks: rules evaluated on data.

`contract` counts the rules of a table's contract on Arrow data, `hamilton` runs the checks of
Hamilton's decorators, and `result` reports what was found. `isthmus_contracts.rules` says what the
rules are, and writes their sentences.
"""
