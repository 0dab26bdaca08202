"""The trained model as a file."""

from __future__ import annotations

from sklearn.pipeline import Pipeline

from isthmus_transforms.shared.models import skops_bytes


def delay_model(trained_model: Pipeline) -> bytes:
    """Trained model in skops' format, which holds no code; the same model gives the same bytes."""
    return skops_bytes(trained_model)
