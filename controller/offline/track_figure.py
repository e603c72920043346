"""A figure of tracks: their paths on the last frame of a movie."""

from pathlib import Path

import numpy as np

from ...drivers.messages import Image
from ...models.images import levels_of, stretched
from .scores import TrackPoints

_DPI = 100
"""Pixels on paper to an inch, so that points are 1.4 px."""
_LONGEST_PX = (800, 1600)
"""Least and greatest longest edge on paper. Chosen: what a screen shows without scrolling."""
_HEAD_PX = 30
"""Height of the title."""
_COLOURS, _STEP = 20, 7
"""Colours of the map ``tab20``, and from one track to the next: of neighbours they differ, and all
are used, as 7 and 20 have no common factor."""


def draw_tracks(path: Path, image: Image, tracks: TrackPoints, title: str) -> None:
    """Draw the paths of tracks, in px and frame by frame, on the last image as a PNG.

    There is a line for each, and a dot at its end.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    height, width = image.shape
    zoom = np.clip(1.0, *(edge / max(image.shape) for edge in _LONGEST_PX))
    wide_px, tall_px = width * zoom, height * zoom + _HEAD_PX
    figure = Figure(figsize=(wide_px / _DPI, tall_px / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(8 / wide_px, 1 - _HEAD_PX / 2 / tall_px, title, va="center", fontsize=10)
    axes = figure.add_axes((0, 0, 1, 1 - _HEAD_PX / tall_px))
    grey = stretched(image, levels_of(image))
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="antialiased")
    ids = np.unique(tracks.ids)
    lines = [tracks.positions[tracks.ids == one] for one in ids]
    colours = colormaps["tab20"]((ids * _STEP % _COLOURS) / (_COLOURS - 1))
    axes.add_collection(LineCollection(lines, colors=[*colours], linewidths=1.1))
    ends = np.array([line[-1] for line in lines]).reshape(-1, 2)
    axes.scatter(ends[:, 0], ends[:, 1], c=[*colours], s=7, linewidths=0)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_axis_off()
    figure.savefig(path)
