"""A crowd of simulated objects as a detector would report it, with the truth beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ....models.arrays import Floats
from ....models.detections import Detections
from ....sim.motion import Brownian, Motion, Persistent, RunAndTumble
from ...datasets import walked
from ...offline import TrackPoints

PIXEL_UM, INTERVAL_S = 0.5, 0.1
"""Of the camera. Chosen: motile cells at 10 frames/s; only steps in px matter to a tracker."""
DIAMETER_PX = 12.0
"""Typical of the objects; they differ by a fifth."""
NOISE_PX = 0.6
"""Standard deviation of a detected centre along an axis."""
SPACING_PX = 36.0
"""Root of the area that there is for each object: the field grows with their number."""
MOTIONS: tuple[Motion, ...] = (
    Persistent(speed_um_s=15.0, persistence_s=2.0),
    RunAndTumble(speed_um_s=20.0, run_s=1.0),
    Brownian(diffusion_um2_s=3.0),
)
"""A third of the objects each: steps of 3 px, of 4 px, and of 1.5 px along an axis."""

_MISSED, _WEAK = 0.05, 0.1
"""Share of the measurements that are missing, and of those that the detector is unsure of."""
_FALSE = 0.05
"""False alarms in a frame for each object."""
_HIDDEN = 0.5
"""Diameters at which two objects are taken for one: the brighter is seen."""
_SIZES, _BRIGHTNESSES = (0.2, 0.08), (0.4, 0.15)
"""Relative spread among objects, and of one object from frame to frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Edge of the field, every object in every frame in px, and what was seen in each frame."""

    size_px: int
    truth: TrackPoints
    seen: Sequence[Detections]


def make_crowd(objects: int, frames: int, seed: int) -> Crowd:
    """Simulate objects and a detector that misses, invents, confuses and is inexact."""
    rng = np.random.default_rng([seed, objects])
    size_px = round(SPACING_PX * objects**0.5) + 1
    places = _wandering(objects, frames, size_px - 1, rng)
    sizes = DIAMETER_PX * np.exp(_SIZES[0] * rng.standard_normal(objects))
    brightness = 1000 * np.exp(_BRIGHTNESSES[0] * rng.standard_normal(objects))
    seen = [_detected(now, sizes, brightness, size_px - 1, rng) for now in places]
    index, ids = (axis.ravel() for axis in np.indices((frames, objects)))
    return Crowd(size_px, TrackPoints(index, ids, places.reshape(-1, 2)), seen)


def _wandering(objects: int, frames: int, edge_px: int, rng: np.random.Generator) -> Floats:
    """Positions (F, N, 2) in px; at the edges of the field the ways are folded, as by mirrors."""
    times_s = INTERVAL_S * np.arange(frames)
    ways = [
        walked(motion, times_s, -(-(objects - part) // len(MOTIONS)), rng)
        for part, motion in enumerate(MOTIONS)
    ]
    way_px = np.concatenate(ways) / PIXEL_UM + rng.uniform(0, edge_px, (objects, 1, 2))
    folded = edge_px - np.abs(np.mod(way_px, 2 * edge_px) - edge_px)
    return folded.swapaxes(0, 1)


def _detected(
    places: Floats, sizes: Floats, brightness: Floats, edge_px: int, rng: np.random.Generator
) -> Detections:
    """Return what a detector reports of objects at (N, 2)."""
    seen = np.flatnonzero((rng.random(len(places)) >= _MISSED) & ~_hidden(places, brightness))
    count, invented = len(seen), rng.poisson(_FALSE * len(places))
    scores = np.where(
        rng.random(count) < _WEAK, rng.uniform(0.1, 0.5, count), rng.uniform(0.5, 1.0, count)
    )
    alike = rng.integers(len(places), size=invented)
    which = np.concatenate([seen, alike])
    centres = np.concatenate(
        [
            places[seen] + NOISE_PX * rng.standard_normal((count, 2)),
            rng.uniform(0, edge_px, (invented, 2)),
        ]
    )
    shaken = np.exp(rng.standard_normal((2, len(which))) * [[_SIZES[1]], [_BRIGHTNESSES[1]]])
    half = (sizes[which] * shaken[0] / 2)[:, None]
    found = Detections.of(
        np.hstack([centres - half, centres + half]),
        np.concatenate([scores, rng.uniform(0.1, 0.6, invented)]),
        brightness=brightness[which] * shaken[1],
    )
    return found.pick(rng.permutation(len(found)))


def _hidden(places: Floats, brightness: Floats) -> NDArray[np.bool_]:
    """Which objects, (N,), cannot be told from a brighter one."""
    pairs = KDTree(places).query_pairs(_HIDDEN * DIAMETER_PX, output_type="ndarray")
    dimmer = np.where(brightness[pairs[:, 0]] < brightness[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    hidden = np.zeros(len(places), bool)
    hidden[dimmer] = True
    return hidden
