from __future__ import annotations

import struct

import pytest
from matplotlib.figure import Figure

from isthmus_transforms.shared.plotting import png


def _figure() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1], [1, 0])
    return figure


def test_the_picture_has_the_size_of_the_figure_and_depends_on_it_alone() -> None:
    picture = png(_figure(), dpi=50)
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (100, 50)
    assert picture == png(_figure(), dpi=50)
    assert b"Software" not in picture
    assert b"tIME" not in picture


def test_a_figure_without_a_size_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot write empty image"):
        png(Figure(figsize=(0, 1)))
