"""Validation: whether data keep the contract of their table."""
