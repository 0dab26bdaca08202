"""Frames: what functions may take and return, and how files become frames.

`types` maps the contract's column types to Arrow's, `inputs` reads an input's files, `partitions`
selects the rows of an interval and splits a table into its partitions, and `digests` identify the
rows that functions get.
"""
