"""Sources: one module for each kind of external system that datasets are read from."""
