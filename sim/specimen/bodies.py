"""Shapes of objects: spots, cells and worms as sums of Gaussian parts."""

import math
from typing import Literal

import numpy as np

from ..motion import Floats, Worm

Shape = Literal["spot", "cell", "worm"]

_SPOT_WIDTH = 5**-0.5
"""Standard deviation of a spot: that of a uniform ball of radius 1, projected on an axis."""
_CELL_PARTS, _CELL_WIDTH, _CELL_REACH = 9, 0.32, 0.7
"""Parts of a cell, their standard deviation, and the radius within which they lie.
Chosen: few parts that overlap, so that the sum is flat inside and falls off at the radius."""
_CELL_TEXTURE = 12.0
"""Shape of the gamma distribution of the light of the parts: relative deviation 12 ** -0.5."""
_WORM_PARTS, _WORM_WIDTH = 28, 0.55
"""Parts of a worm, 1.3 standard deviations apart, so that their sum is smooth along the body."""
WORM_ASPECT = 20.0
"""Length of a worm over the radius of its body: as of adult C. elegans, 1 mm by 0.1 mm."""


def bodies(shape: Shape, count: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Places (N, K, 2), widths (N, K) and weights (N, K) of the parts of bodies of radius 1.

    Parts of a cell are spread evenly over a disc, on a spiral of golden angles (Vogel, Math.
    Biosci. 44:179, 1979). The weighted mean of the places is the origin.
    """
    if shape == "spot":
        return np.zeros((count, 1, 2)), np.full((count, 1), _SPOT_WIDTH), np.ones((count, 1))
    if shape == "worm":
        along = np.linspace(-WORM_ASPECT / 2, WORM_ASPECT / 2, _WORM_PARTS)
        thick = np.sqrt(1.2 - (2 * along / WORM_ASPECT) ** 4)
        places = np.column_stack([along, np.zeros(_WORM_PARTS)])
        weights = thick**2 / (thick**2).sum()
        per_part = np.tile(_WORM_WIDTH * thick, (count, 1)), np.tile(weights, (count, 1))
        return np.tile(places, (count, 1, 1)), *per_part
    k = np.arange(_CELL_PARTS)
    radius = _CELL_REACH * np.sqrt((k + 0.5) / _CELL_PARTS)
    angle = k * math.pi * (3 - math.sqrt(5)) + rng.uniform(0.0, 2 * math.pi, (count, 1))
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    places += rng.normal(0.0, 0.05, places.shape)
    weights = rng.gamma(_CELL_TEXTURE, size=(count, _CELL_PARTS))
    weights /= weights.sum(axis=1, keepdims=True)
    places -= (weights[..., None] * places).sum(axis=1, keepdims=True)
    return places, np.full((count, _CELL_PARTS), _CELL_WIDTH), weights


def bend(along_um: Floats, state: Floats, motion: Worm) -> Floats:
    """Offsets (N, K, 2) from the middle of parts at (N, K) along a body that bends in a wave.

    The wave travels backward at the speed of the worm, so all parts pass along the same line.
    """
    heading, phase = state[:, 3:4], state[:, 4:5]
    wave_um = motion.speed_um_s * motion.period_s
    bent = np.sin(phase + 2 * math.pi * along_um / wave_um) - np.sin(phase)
    across_um = motion.sway_um * bent
    x_um = along_um * np.cos(heading) - across_um * np.sin(heading)
    y_um = along_um * np.sin(heading) + across_um * np.cos(heading)
    return np.stack([x_um, y_um], axis=-1)
