"""The DAGs: one of a fixed shape for each dataflow of the catalog."""
