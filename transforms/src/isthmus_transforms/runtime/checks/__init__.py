"""Checks: the rules of contracts and of Hamilton's decorators, evaluated on data."""
