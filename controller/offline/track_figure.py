"""A picture of tracks: the last frame of a movie, and the way that every object has come."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...drivers.messages import Image
from ...models.images import levels_of, stretched
from .scores import TrackPoints

_DPI = 100
_LONGEST_PX = (800, 1600)
"""Edge of the picture on paper, at least and at most."""
_HEAD_PX = 30
_COLOURS = 20
_STEP = 7
"""Between the colours of consecutive tracks, so that neighbours differ."""


def draw_tracks(path: Path, image: Image, tracks: TrackPoints, title: str) -> None:
    """Draw ways on an image as a PNG: a line for each track, a dot where it is at the end.

    Parameters
    ----------
    path : Path
        The file to write.
    image : (H, W) uint8 or uint16
        The last frame.
    tracks : TrackPoints
        In px of it, frame by frame.
    title : str
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
    names = np.unique(tracks.ids)
    ways = [tracks.positions[tracks.ids == name] for name in names]
    colours = colormaps["tab20"]((names * _STEP % _COLOURS) / (_COLOURS - 1))
    axes.add_collection(LineCollection(ways, colors=[*colours], linewidths=1.1))
    ends = np.array([way[-1] for way in ways]).reshape(-1, 2)
    axes.scatter(ends[:, 0], ends[:, 1], c=[*colours], s=7, linewidths=0)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_axis_off()
    figure.savefig(path)
