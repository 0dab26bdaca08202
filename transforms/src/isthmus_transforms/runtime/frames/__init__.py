"""Frames: what functions may take and return, and how files become frames."""
