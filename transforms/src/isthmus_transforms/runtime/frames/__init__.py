"""Frames: what functions may take and return, how files become frames, and frames tables.

`types` maps the contract's column types to Arrow's, `conversion` converts columns without loss,
`inputs` reads an input's files, `outputs` turns frames into Arrow tables, `partitions` selects the
rows of an interval and splits a table into its partitions, and `digests` identify the rows that
functions get.
"""
