"""What objects are made of: spots, cells and worms as sums of Gaussian parts."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from ..motion import Floats, Worm

Shape = Literal["spot", "cell", "worm"]

CELL_PARTS = 9
WORM_PARTS = 28
WORM_ASPECT = 20.0
"""Length of a worm over the radius of its body."""


def bodies(shape: Shape, count: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Places (N, K, 2), widths (N, K) and weights (N, K) of parts of bodies of radius 1.

    A uniform ball projects to a variance of 1/5 on each axis, which a spot has. A cell is a
    sunflower of overlapping parts. The weighted mean of the places is the origin.
    """
    if shape == "spot":
        return np.zeros((count, 1, 2)), np.full((count, 1), 5**-0.5), np.ones((count, 1))
    if shape == "worm":
        along = np.linspace(-WORM_ASPECT / 2, WORM_ASPECT / 2, WORM_PARTS)
        thick = np.sqrt(1.2 - (2 * along / WORM_ASPECT) ** 4)
        places = np.column_stack([along, np.zeros(WORM_PARTS)])
        weights = thick**2 / (thick**2).sum()
        return (
            np.tile(places, (count, 1, 1)),
            np.tile(0.55 * thick, (count, 1)),
            np.tile(weights, (count, 1)),
        )
    k = np.arange(CELL_PARTS)
    radius = 0.7 * np.sqrt((k + 0.5) / CELL_PARTS)
    angle = k * math.pi * (3 - math.sqrt(5)) + rng.uniform(0.0, 2 * math.pi, (count, 1))
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    places += rng.normal(0.0, 0.05, places.shape)
    weights = rng.gamma(12.0, size=(count, CELL_PARTS))
    weights /= weights.sum(axis=1, keepdims=True)
    places -= (weights[..., None] * places).sum(axis=1, keepdims=True)
    return places, np.full((count, CELL_PARTS), 0.32), weights


def bend(along_um: Floats, state: Floats, motion: Worm) -> Floats:
    """Lay parts at (N, K) along a body onto its wave (N, K, 2), as seen from its middle.

    The wave travels backward at the speed of the worm, so every part follows the same track.
    """
    heading, phase = state[:, 3:4], state[:, 4:5]
    wave_um = motion.speed_um_s * motion.period_s
    bent = np.sin(phase + 2 * math.pi * along_um / wave_um) - np.sin(phase)
    across_um = motion.sway_um * bent
    x_um = along_um * np.cos(heading) - across_um * np.sin(heading)
    y_um = along_um * np.sin(heading) + across_um * np.cos(heading)
    return np.stack([x_um, y_um], axis=-1)
