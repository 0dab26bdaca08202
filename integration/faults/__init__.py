"""Faults at the product's seams: its stores, runners, disks and processes. Chaos draws them."""
