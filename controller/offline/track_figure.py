"""A figure of tracks: their paths on the last frame of a movie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ...drivers.messages import Image
from ...models.images import levels_of, stretched
from .scores import TrackPoints

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 100
"""Pixels on paper to an inch, so that points are 1.4 px."""
_LONGEST_PX = (800, 1600)
"""Least and greatest longest edge on paper. Chosen: what a screen shows without scrolling."""
_SPACING_PX = 40
"""On paper between neighbours, where there is room for it. Chosen: paths can be told apart."""
_HEAD_PX = 30
"""Height of the title."""
_COLOURS, _STEP = 20, 7
"""Colours of the map ``tab20``, and from one track to the next: of neighbours they differ, and all
are used, as 7 and 20 have no common factor."""
_PALE = 0.35
"""Opacity of paths that ended. Chosen: what is there stands out."""
_FEWEST = 10
"""Frames whose paths are shown at least. Chosen: less shows no path."""


def draw_tracks(path: Path, image: Image, tracks: TrackPoints, title: str) -> None:
    """Draw the paths of tracks, in px and frame by frame, on the last image as a PNG.

    There is a line for each, with a dot at what is there in the last frame; others are pale. Where
    objects are so many that paths would cover each other, those of the last frames are drawn, and
    the title says of how many.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = image.shape
    last = int(tracks.frames.max(initial=0))
    spacing = _spacing(tracks.positions[tracks.frames == last])
    shown = _shown_frames(tracks, last, spacing)
    if shown <= last:
        title = f"{title}   ·   paths in the last {shown:,} frames"
        tracks = tracks.at(np.flatnonzero(tracks.frames > last - shown))
    least, most = (edge / max(image.shape) for edge in _LONGEST_PX)
    zoom = float(np.clip(_SPACING_PX / spacing, min(max(1.0, least), most), most))
    wide_px, tall_px = width * zoom, height * zoom + _HEAD_PX
    figure = Figure(figsize=(wide_px / _DPI, tall_px / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(8 / wide_px, 1 - _HEAD_PX / 2 / tall_px, title, va="center", fontsize=10)
    axes = figure.add_axes((0, 0, 1, 1 - _HEAD_PX / tall_px))
    grey = stretched(image, levels_of(image))
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="antialiased")
    _draw_paths(axes, tracks, last)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_axis_off()
    figure.savefig(path)


def _draw_paths(axes: Axes, tracks: TrackPoints, last: int) -> None:
    """Draw a line for each track, and a dot where one is in the last frame."""
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    order = np.lexsort((tracks.frames, tracks.ids))
    tracks = tracks.at(order)
    ids, begins = np.unique(tracks.ids, return_index=True)
    lines = np.split(tracks.positions, begins[1:]) if len(ids) else []
    there = np.isin(ids, tracks.ids[tracks.frames == last])
    colours = colormaps["tab20"]((ids * _STEP % _COLOURS) / (_COLOURS - 1))
    colours[:, 3] = np.where(there, 1.0, _PALE)
    axes.add_collection(LineCollection(lines, colors=[*colours], linewidths=1.1))
    ends = np.array([line[-1] for line in lines]).reshape(-1, 2)[there]
    axes.scatter(ends[:, 0], ends[:, 1], c=[*colours[there]], s=7, linewidths=0)


def _spacing(points: NDArray[np.float64]) -> float:
    """Median distance from a point to the nearest other one, in px; infinite if there is none."""
    if len(points) < 2:
        return float("inf")
    nearest, _ = KDTree(points).query(points, k=2)
    return float(np.median(nearest[:, 1]))


def _shown_frames(tracks: TrackPoints, last: int, spacing: float) -> int:
    """How many of the last frames can be shown: half of all, and half again, until paths fit.

    They do if three in four are no longer than it is to the nearest neighbour.
    """
    shown = last + 1
    while shown // 2 >= _FEWEST and _long_extent(tracks, last - shown) > spacing:
        shown //= 2
    return shown


def _long_extent(tracks: TrackPoints, after: int) -> float:
    """Of the paths after a frame: what three in four do not exceed, in px across their box."""
    recent = tracks.at(np.flatnonzero(tracks.frames > after))
    ids, which = np.unique(recent.ids, return_inverse=True)
    low, high = np.full((len(ids), 2), np.inf), np.full((len(ids), 2), -np.inf)
    np.minimum.at(low, which, recent.positions)
    np.maximum.at(high, which, recent.positions)
    return float(np.percentile((high - low).max(1), 75)) if len(ids) else 0.0
