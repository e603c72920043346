"""A figure of detections: boxes on the images, coloured by class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...drivers.messages import Image
from ...models.detections import Detections
from ...models.images import levels_of, stretched

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _GREY = "#22303c", "#8a96a1"
"""Colours of titles and of what is less important."""
_COLOURS = (
    *("#ffb31a", "#33c3ff", "#ff5c9e", "#7dff5c", "#c08cff", "#ff7033", "#2fe6c0", "#f2f24b"),
)
"""Of classes. Chosen: bright ones of different hue, which stand out from grey images."""
_DPI = 100
"""Pixels on paper to an inch, so that points are 1.4 px."""
_SINGLE_PX, _PANEL_PX = (800, 2048), (360, 640)
"""Least and greatest longest edge on paper, of a single image and of one of several. Chosen: what a
screen shows without scrolling."""
_MARGIN_PX, _HEAD_PX, _LABEL_PX, _LINE_PX = 12, 34, 22, 22
"""Heights on paper: between images, of the title, of the number of a frame, of a legend's line."""
_LEAST_WIDTH_PX = 640
"""Of the figure: a title of usual length fits."""
_SCORE_PX = (26.0, 16.0)
"""Width and height on paper of the smallest box whose score is written: the size of its text."""
_MOST_SCORES = 300
"""On one image. Chosen: more cannot be read, and drawing them takes seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One image, (H, W) uint8 or uint16, its index in the movie and what was found in it."""

    index: int
    image: Image
    found: Detections


def draw_overlay(
    path: Path, panels: Sequence[Panel], name: Callable[[int], str], title: str
) -> None:
    """Draw images with boxes as a PNG, side by side, with their numbers if there are several.

    There is at least one panel, all are of one size; ``name`` turns the index of a class into text.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    zoom = _zoom(panels[0].image.shape, _SINGLE_PX if len(panels) == 1 else _PANEL_PX)
    columns = len(panels) if len(panels) < 4 else math.ceil(len(panels) / 2)
    rows = math.ceil(len(panels) / columns)
    label_px = _LABEL_PX if len(panels) > 1 else 0
    height_px, width_px = (math.ceil(size * zoom) for size in panels[0].image.shape)
    inner_px = columns * (width_px + _MARGIN_PX) - _MARGIN_PX
    counts = Counter(c for panel in panels for c in panel.found.classes.tolist())
    entries = [
        (_colour(c), f"{name(c)} ({n:,})" if len(panels) == 1 else name(c))
        for c, n in sorted(counts.items())
    ]
    all_px = max(inner_px, _LEAST_WIDTH_PX) + 2 * _MARGIN_PX
    lines = _lines(entries, all_px - 2 * _MARGIN_PX)
    foot_px = _MARGIN_PX + _LINE_PX * len(lines)
    tall_px = _HEAD_PX + rows * (height_px + label_px) + (rows - 1) * _MARGIN_PX + foot_px
    figure = Figure(figsize=(all_px / _DPI, tall_px / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _write(figure, _MARGIN_PX, _HEAD_PX / 2, title, color=_INK, fontsize=10)
    for place, panel in enumerate(panels):
        left_px = (all_px - inner_px) / 2 + place % columns * (width_px + _MARGIN_PX)
        top_px = _HEAD_PX + place // columns * (height_px + label_px + _MARGIN_PX) + label_px
        if label_px:
            label = f"frame {panel.index}: {len(panel.found)}"
            _write(figure, left_px, top_px - label_px / 2, label, color=_GREY, fontsize=9)
        bottom = 1 - (top_px + height_px) / tall_px
        size = (width_px / all_px, height_px / tall_px)
        _draw(figure.add_axes((left_px / all_px, bottom, *size)), panel, zoom)
    _legend(figure, lines, tall_px - foot_px + _MARGIN_PX / 2)
    figure.savefig(path)


def _draw(axes: Axes, panel: Panel, zoom: float) -> None:
    """Show an image, stretched, with its boxes and, where they can be read, scores."""
    from matplotlib.collections import LineCollection

    height, width = panel.image.shape
    levels = levels_of(panel.image)
    grey = stretched(panel.image, levels)
    interpolation = "nearest" if zoom >= 1 else "antialiased"
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1, interpolation=interpolation, aspect="auto")
    boxes = panel.found.boxes_px
    colours = [_colour(c) for c in panel.found.classes.tolist()]
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3, 0, 1]].reshape(-1, 5, 2)
    axes.add_collection(LineCollection([*corners], colors=colours, linewidths=0.9))
    _scores(axes, panel.found, colours, zoom)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_axis_off()


def _scores(axes: Axes, found: Detections, colours: Sequence[str], zoom: float) -> None:
    from matplotlib.patheffects import withStroke

    if len(found) > _MOST_SCORES:
        return
    large = np.asarray((found.sizes_px * zoom >= _SCORE_PX).all(axis=1))
    outline = [withStroke(linewidth=1.6, foreground="#000000b0")]
    for row in np.flatnonzero(large).tolist():
        left, top, _, _ = found.boxes_px[row].tolist()
        axes.text(
            left + 1.5 / zoom,
            top + 1.5 / zoom,
            f"{found.scores[row]:.2f}",
            color=colours[row],
            fontsize=6.5,
            va="top",
            clip_on=True,
            path_effects=outline,
        )


def _legend(figure: Figure, lines: list[list[tuple[int, str, str]]], top_px: float) -> None:
    for line, entries in enumerate(lines or [[(0, _GREY, "nothing was found")]]):
        for x_px, colour, text in entries:
            y_px = top_px + (line + 0.5) * _LINE_PX
            _write(figure, _MARGIN_PX + x_px, y_px, "■", color=colour, fontsize=11)
            _write(figure, _MARGIN_PX + x_px + 15, y_px, text, color=_INK, fontsize=9)


def _lines(entries: Sequence[tuple[str, str]], width_px: float) -> list[list[tuple[int, str, str]]]:
    """Break a legend into lines of entries: offset, colour and text."""
    lines: list[list[tuple[int, str, str]]] = []
    x_px = width_px
    for colour, text in entries:
        needed_px = 33 + 7 * len(text)
        if x_px + needed_px > width_px:
            lines.append([])
            x_px = 0
        lines[-1].append((int(x_px), colour, text))
        x_px += needed_px
    return lines


def _write(figure: Figure, x_px: float, y_px: float, text: str, **style: Any) -> None:
    """Write text whose left middle is at a point from the top left of a figure."""
    width_px, height_px = figure.get_size_inches() * _DPI
    figure.text(x_px / width_px, 1 - y_px / height_px, text, va="center", **style)


def _zoom(shape: tuple[int, ...], edges_px: tuple[int, int]) -> float:
    """Pixels on paper for one of the image; whole numbers where it is enlarged."""
    longest, (least_px, most_px) = max(shape), edges_px
    if longest > most_px:
        return most_px / longest
    return max(1, min(math.ceil(least_px / longest), most_px // longest))


def _colour(kind: int) -> str:
    return _COLOURS[kind % len(_COLOURS)]
