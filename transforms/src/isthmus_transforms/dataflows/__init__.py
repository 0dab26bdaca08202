"""The dataflows: one package each, of plain functions that know nothing of where they run."""
