"""Parts of all rendered training frames: positions, uneven light, visible extents, read-out."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from ..imaging import SensorSettings

Single = NDArray[np.float32]
"""Light, (H, W)."""
VISIBLE = 0.15
"""Share of its greatest contrast down to which an object is seen. Chosen: boxes
then enclose what a person sees of an object."""
LEAST_INSIDE = 0.35
"""Share of a box that has to lie within the field. Chosen: of less, the object is a guess."""

ON_ANOTHER = 0.65
"""Distance, in gaps, below which one object hides another. Chosen: nobody would box both."""


def log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a number, evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def scatter_px(
    count: int, gap_px: float, margin_px: float, size_px: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw up to ``count`` positions (n, 2) in a field, as x and y, no two nearer than a gap."""
    return _thinned(rng.uniform(-margin_px, size_px - 1 + margin_px, (count, 2)), gap_px)


def push_together(
    places_px: NDArray, share: float, gap_px: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Move a share of places (n, 2) to about a gap's length beside another: pairs and clumps.

    What comes to lie on another, nearer than `ON_ANOTHER` gaps, is left out.
    """
    moved = np.array(places_px, np.float64)
    for i in np.flatnonzero(rng.random(len(moved)) < share):
        beside = moved[rng.integers(0, len(moved))]
        angle = rng.uniform(0.0, 2 * np.pi)
        away_px = gap_px * rng.uniform(0.7, 1.15)
        moved[i] = beside + away_px * np.array([np.cos(angle), np.sin(angle)])
    return _thinned(moved, ON_ANOTHER * gap_px)


def _thinned(places: NDArray[np.float64], gap_px: float) -> NDArray[np.float64]:
    """Places (n, 2), in their order, without those nearer than a gap to one before."""
    near = ((places[:, None] - places) ** 2).sum(axis=2) < gap_px**2
    kept: list[int] = []
    for i in range(len(places)):
        if not near[i, kept].any():
            kept.append(i)
    return places[kept]


def smooth_field(size_px: int, bumps: int, rng: np.random.Generator) -> Single:
    """Random smooth field (size_px, size_px) of mean 0, with ``bumps`` knots along a side."""
    coarse = rng.standard_normal((bumps + 1, bumps + 1), dtype=np.float32)
    between = _between(size_px, bumps + 1)
    return np.asarray(between @ coarse @ between.T, np.float32)


@lru_cache(maxsize=256)
def _between(points: int, knots: int) -> Single:
    """Weights (points, knots) of cubic interpolation."""
    size = (knots, points)
    weights = cv2.resize(np.eye(knots, dtype=np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(weights, np.float32)


def visible_extents(profiles: NDArray, peaks: NDArray | None = None) -> NDArray[np.float64]:
    """Left, top, right and bottom of objects (N, 4) in the grid of their profiles (N, L, L).

    The edge of an object is where its profile, which is not negative, crosses `VISIBLE` of
    its peak, interpolated between the points of the grid. Give the peaks (N,) of the whole
    objects where profiles are of parts of them.
    """
    levels = VISIBLE * (profiles.max(axis=(1, 2)) if peaks is None else peaks)
    across, down = profiles.max(axis=1), profiles.max(axis=2)
    last = profiles.shape[1] - 1
    left, top = _first_crossing(across, levels), _first_crossing(down, levels)
    right = last - _first_crossing(across[:, ::-1], levels)
    bottom = last - _first_crossing(down[:, ::-1], levels)
    return np.stack([left, top, right, bottom], axis=1)


def _first_crossing(lines: NDArray, levels: NDArray) -> NDArray[np.float64]:
    rows = np.arange(len(lines))
    first = np.argmax(lines >= levels[:, None], axis=1)
    above, below = lines[rows, first], lines[rows, np.maximum(first - 1, 0)]
    rise = above - below
    return first - np.divide(above - levels, rise, out=np.zeros(len(lines)), where=rise > 0)


def within_field(boxes_px: NDArray, size_px: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Clip boxes (N, 4) to the field; tell which of them lie in it far enough."""
    clipped = np.clip(boxes_px, -0.5, size_px - 0.5)
    area, whole = (np.maximum(b[:, 2:] - b[:, :2], 0.0).prod(axis=1) for b in (clipped, boxes_px))
    return clipped.astype(np.float32), area >= LEAST_INSIDE * np.maximum(whole, 1e-9)


def noise_e(sensor: SensorSettings, background_e: float) -> float:
    """Standard deviation of a pixel of the background in photoelectrons, rounding included."""
    rounding_e2 = 1 / (12 * sensor.gain**2)
    return (background_e + sensor.read_noise_e**2 + rounding_e2) ** 0.5


def read_out(electrons: Single, settings: SensorSettings, rng: np.random.Generator) -> Image:
    """Read one frame as `Sensor` does, without its bank of noise, which pays for many frames only.

    Shot and read noise together are normal, of variance μ + r².
    """
    noise = rng.standard_normal(electrons.shape, dtype=np.float32)
    noise *= np.sqrt(electrons + np.float32(settings.read_noise_e**2))
    noise += electrons
    frame = settings.empty_frame()
    depth = cv2.CV_8U if frame.dtype == np.uint8 else cv2.CV_16U
    cv2.addWeighted(noise, settings.gain, noise, 0.0, settings.offset, frame, depth)
    return np.minimum(frame, frame.dtype.type(settings.saturation))
