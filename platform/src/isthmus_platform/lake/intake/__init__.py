"""Intake: what a runner staged becomes the platform's own, once it has been checked."""
