"""Validation: whether data satisfy the contract of their table."""
