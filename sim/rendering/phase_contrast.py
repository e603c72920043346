"""Cells in phase contrast: irregular bodies with processes, halos, and rings out of focus."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from .canvas import (
    Single,
    log_uniform,
    push_together,
    read_out,
    scatter_px,
    smooth_field,
    within_field,
)
from .transmitted_light import background, camera, paste

CELL_PX = (8.0, 70.0)
"""Limits of the diameter of a body. Chosen: as of cells in brightfield, and a little larger."""
MOST_CELLS = 40
"""In a frame. Chosen: what an annotator would still annotate."""
MOST_COVERED = 0.25
"""Share of the field that bodies may fill; their processes come to as much again."""
REACH = 4.5
"""Radii of a body up to which it is drawn: the longest process, and its halo."""
RING = 1.6, 4.0
"""Limits of the radius of a ring, in diameters of a body. Chosen: surely larger than one."""
CLUMPED = 0.4
"""Share of frames in which cells lie against each other, as they do when they have divided."""
POINTS = 72
"""Corners of an outline. Chosen: five degrees each."""


def phase_contrast_cells(
    rng: np.random.Generator, size_px: int
) -> tuple[Image, NDArray[np.float32]]:
    """Draw cells with processes; boxes, (N, 4), hold what can be seen of them without halos."""
    sensor, level_e = camera(size_px, rng)
    grain = log_uniform(0.003, 0.04, rng)
    noise = math.hypot(grain, level_e**-0.5)
    contrast = min(noise * log_uniform(5.0, 40.0, rng), 0.8)
    relief = background(size_px, grain, contrast, rng)
    diameter_px = log_uniform(*CELL_PX, rng)
    _add_rings(relief, contrast, diameter_px, rng)
    boxes_px = _add_cells(relief, contrast, diameter_px, rng)
    electrons = np.float32(level_e) * np.clip(1 + relief, 0.02, 3.0)
    clipped_px, inside = within_field(boxes_px, size_px)
    return read_out(electrons, sensor, rng), clipped_px[inside]


def _add_rings(
    relief: Single, contrast: float, diameter_px: float, rng: np.random.Generator
) -> None:
    """Add soft rings, of something far out of focus, which nobody would annotate.

    They are larger than the cells, which may be rings themselves when a little out of focus.
    """
    for _ in range(rng.integers(0, 4)):
        radius_px = diameter_px * rng.uniform(*RING)
        line = np.arange(-math.ceil(2 * radius_px), math.ceil(2 * radius_px) + 1) / radius_px
        rho = np.hypot(line, line[:, None])
        width = rng.uniform(0.12, 0.3)
        ring = np.exp(-(((rho - 1) / width) ** 2)) - 0.6 * np.exp(-(((rho - 0.7) / width) ** 2))
        patch = (rng.choice([-1, 1]) * rng.uniform(0.05, 0.3) * contrast * ring).astype(np.float32)
        paste(relief, patch, np.abs(patch), rng.uniform(0, len(relief), 2))


def _add_cells(
    relief: Single, contrast: float, diameter_px: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add cells to the relative light and return their boxes (N, 4)."""
    size_px = len(relief)
    count = min(log_uniform(2, MOST_CELLS, rng), MOST_COVERED * size_px**2 / diameter_px**2)
    gap_px = diameter_px * rng.uniform(0.8, 1.5)
    places_px = scatter_px(max(1, round(count)), gap_px, 0.15 * diameter_px, size_px, rng)
    if rng.random() < CLUMPED:
        places_px = push_together(places_px, rng.uniform(0.2, 0.7), diameter_px, rng)
    halo, rounded = rng.uniform(0.2, 1.3), rng.uniform(0.0, 0.3)
    processes, unevenness = rng.uniform(0.0, 3.0), rng.uniform(0.05, 0.6)
    polarity = -1.0 if rng.random() < 0.85 else 1.0
    boxes_px = []
    for place_px in places_px:
        radius_px = diameter_px / 2 * math.exp(rng.normal(0.0, 0.2))
        if rng.random() < rounded:
            thickness, sign = _thickness(0.7 * radius_px, 0, 0.05, rng), -polarity
        else:
            count_here = int(rng.poisson(processes))
            thickness, sign = _thickness(radius_px, count_here, unevenness, rng), polarity
        patch = sign * _phase(thickness, radius_px, halo, rng)
        patch *= np.float32(contrast * rng.uniform(0.6, 1.3) / np.abs(patch).max())
        boxes_px.append(paste(relief, patch, thickness, place_px))
    return np.array(boxes_px).reshape(-1, 4)


def _phase(thickness: Single, radius_px: float, halo: float, rng: np.random.Generator) -> Single:
    """Contrast of a cell: its phase, without the low frequencies that the ring lets through.

    So phase contrast has a halo and a body that is shaded off to its middle (Pluta, Advanced
    Light Microscopy vol. 2, 1989).
    """
    inside = 1 + np.float32(rng.uniform(0.0, 0.5)) * smooth_field(len(thickness), 8, rng)
    low = cv2.GaussianBlur(thickness, (0, 0), radius_px * rng.uniform(0.3, 0.8))
    fringe = cv2.GaussianBlur(thickness, (0, 0), max(0.6, 0.05 * radius_px))
    return np.asarray(fringe * inside - np.float32(halo) * low, np.float32)


def _thickness(
    radius_px: float, processes: int, unevenness: float, rng: np.random.Generator
) -> Single:
    """Optical thickness (L, L) of a body with processes, between 0 and 1."""
    fine = 4 if radius_px < 12 else 2
    half = math.ceil(REACH * radius_px) + 2
    mask = np.zeros(((2 * half + 1) * fine,) * 2, np.uint8)
    middle = np.full(2, len(mask) / 2)
    cv2.fillPoly(mask, [outline(middle, radius_px * fine, unevenness, 0.25, rng)], 255)
    angle = rng.uniform(0.0, 2 * math.pi)
    for i in range(processes):
        angle = angle + (math.pi if i % 2 else rng.uniform(0.0, 2 * math.pi)) + rng.normal(0.0, 0.3)
        cv2.fillPoly(mask, [_process(middle, radius_px * fine, angle, rng)], 255)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3) / (radius_px * fine)
    thick = (1 - np.exp(-depth / rng.uniform(0.1, 0.4))).astype(np.float32)
    thick = cv2.resize(thick, (2 * half + 1,) * 2, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(thick, (0, 0), rng.uniform(0.5, 1.0))
    return np.asarray(blurred / blurred.max(), np.float32)


def outline(
    middle: NDArray, radius: float, unevenness: float, stretched: float, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Outline (POINTS, 2) of a lobed body, stretched by so much in the mean (a logarithm)."""
    turn = np.linspace(0.0, 2 * math.pi, POINTS, endpoint=False)
    lobes = np.arange(2, 7)
    waves = np.cos(lobes[:, None] * turn + rng.uniform(0, 2 * math.pi, (5, 1)))
    edge = 1 + (unevenness * rng.normal(0.0, 1.0, 5) / lobes) @ waves
    stretch, angle = math.exp(rng.exponential(stretched)), rng.uniform(0.0, math.pi)
    along, across = np.cos(turn) * stretch, np.sin(turn) / stretch
    x = along * math.cos(angle) - across * math.sin(angle)
    y = along * math.sin(angle) + across * math.cos(angle)
    corners = middle + radius * np.clip(edge, 0.3, 1.8)[:, None] * np.stack([x, y], axis=1)
    return np.round(corners).astype(np.int32)


def _process(
    middle: NDArray, radius: float, angle: float, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Outline of a tapering, slightly bent process that begins in the middle of the body."""
    reach = np.linspace(0.0, rng.uniform(1.3, 3.0), 12)
    heading = angle + np.cumsum(rng.normal(0.0, 0.06, 12))
    steps = np.diff(reach, prepend=0.0)[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
    line = middle + radius * np.cumsum(steps, axis=0)
    normal = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    width = radius * rng.uniform(0.25, 0.7) * np.linspace(1.0, 0.08, 12)[:, None]
    return np.round(np.concatenate([line + width * normal, (line - width * normal)[::-1]])).astype(
        np.int32
    )
