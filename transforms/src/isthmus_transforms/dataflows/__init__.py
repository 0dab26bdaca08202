"""The dataflows: a package for each, of plain functions that do not know where they run."""
