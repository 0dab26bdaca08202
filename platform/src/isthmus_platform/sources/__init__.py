"""Sources: one module per kind of external system that datasets are read from."""
