"""What the command line shows of a run: its progress, then what came of it."""
