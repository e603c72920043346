"""A film strip of a session: a few of its frames, small, spread evenly over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ....drivers.messages import Description, Frame, Image
from .series import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path as MarkerPath

STILLS = 6
"""In a strip. Chosen: as many as can be told apart on the width of a screen."""
_EDGE_PX = 240
"""Longest edge of a still in memory and on paper. Chosen: a sixth of the picture's width."""
_MOST_KEPT = 4 * STILLS
"""Stills in memory. Chosen: the strip is even to a twelfth of its length, in less than 3 MB."""
_DARKEST, _BRIGHTEST = 1.0, 99.99
"""Percentiles that are black and white. Chosen: a target of ten pixels is not cut off."""
_EDGE = "#8a96a1"
"""Colour of edges."""
_MARK: dict[str, Any] = {"ms": 18, "mec": "#ffb31a", "mew": 1.0, "mfc": "none", "ls": ""}
"""Of the target, in points. Chosen: stands out from grey images, and leaves small targets free."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A frame, (h, w) of the type of the camera, at most `_EDGE_PX` long, and its index."""

    index: int
    image: Image


class FilmStrip:
    """Keeps some frames of a session of unknown length, in little memory.

    Every frame is kept at first, and every second, fourth, … of them once there are too many.
    """

    def __init__(self) -> None:
        self._stills: list[Still] = []
        self._newest: tuple[int, Image] | None = None
        self._seen, self._step = 0, 1

    def add(self, frame: Frame) -> None:
        """Look at the next frame of the stream; what has no pixels is passed over."""
        if not frame.image.size:
            return
        self._newest = frame.index, frame.image
        if self._seen % self._step == 0:
            self._stills.append(Still(frame.index, _small(frame.image)))
            if len(self._stills) > _MOST_KEPT:
                self._stills = self._stills[::2]
                self._step *= 2
        self._seen += 1

    def stills(self) -> Sequence[Still]:
        """`STILLS` of the frames, or all if there were fewer; the first and the last among them."""
        if self._newest is None:
            return ()
        index, image = self._newest
        kept = [still for still in self._stills if still.index != index]
        kept.append(Still(index, _small(image)))
        wanted = np.linspace(kept[0].index, index, STILLS)
        indices = np.array([still.index for still in kept])
        nearest = np.abs(indices - wanted[:, None]).argmin(1)
        return [kept[at] for at in np.unique(nearest)]


def _small(image: Image) -> Image:
    """An image of its own, averaged to the size at which it is shown."""
    zoom = _EDGE_PX / max(image.shape)
    if zoom >= 1:
        return image.copy()
    height, width = (max(1, round(edge * zoom)) for edge in image.shape)
    small: Any = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return small


def draw_strip(
    places: Sequence[Axes], stills: Sequence[Still], series: Series, description: Description
) -> None:
    """Show stills side by side, all in one contrast, so that bleaching is seen as it is.

    Shown is the root of the light, in which faint objects are seen, too, and the noise of photons
    is the same everywhere (Anscombe 1948, Biometrika 35, 246).

    Each has its time and the place of the stage, and corners around the target: the truth if it
    is known, else where it was detected.
    """
    low = min(float(np.percentile(still.image, _DARKEST)) for still in stills)
    high = max(float(np.percentile(still.image, _BRIGHTEST)) for still in stills)
    for axes, still in zip(places, stills, strict=False):
        shape = description.width_px, description.height_px
        extent = (0, shape[0], shape[1], 0)
        light = np.sqrt(np.clip(still.image - low, 0, high - low))
        axes.imshow(light, cmap="gray", vmin=0, vmax=max(high - low, 1) ** 0.5, extent=extent)
        _annotate(axes, int(np.searchsorted(series.frame, still.index)), series, description)


def _annotate(axes: Axes, row: int, series: Series, description: Description) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(_EDGE)
    (x_um, y_um), offset_um = series.pose_um[row], series.offset_um[row]
    axes.set_title(f"{series.t_s[row]:.1f} s   ({x_um:.0f}, {y_um:.0f}) µm", fontsize=8)
    if np.isfinite(offset_um).all():
        to_px = np.linalg.pinv(np.reshape(description.affine, (2, 2)))
        right, down = to_px @ offset_um
        at_px = right + description.width_px / 2, down + description.height_px / 2
        axes.plot(*at_px, marker=_corners(), scalex=False, scaley=False, **_MARK)


def _corners() -> MarkerPath:
    """Four corners of a square from -1 to 1, each two lines as long as a quarter of its edge."""
    from matplotlib.path import Path

    signs = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    points = [p for x, y in signs for p in ((x / 2, y), (x, y), (x, y / 2))]
    return Path(points, [Path.MOVETO, Path.LINETO, Path.LINETO] * len(signs))
