"""Cells in transmitted light: dark, bright, with rings or halos, as the focus makes them."""

import math
from collections.abc import Callable

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

CELL_PX = (8.0, 60.0)
"""Limits of the diameter. Chosen: from what a camera just resolves to a fifth of a frame."""
MOST_CELLS = 70
"""In a frame. Chosen: what an annotator would still annotate."""
MOST_COVERED = 0.3
"""Share of the field that cells may fill. Chosen: in denser crowds halos run into each other."""
CLUMPED = 0.4
"""Share of frames in which cells lie against each other. Chosen: often, as it is what is hard."""
MIXED = 0.4
"""Share of frames with cells of all kinds, and with small beside large ones. Chosen likewise."""
REACH = 1.75
"""Radii of a body up to which its profile is drawn: where the widest halo has faded."""
RHO: Single = np.linspace(0.0, 2 * REACH, 512, dtype=np.float32)
"""Distances, in radii of a body, at which radial profiles are tabulated."""

Floats = NDArray[np.floating]
Radial = Callable[[Floats, np.random.Generator], tuple[Floats, Floats]]
"""From distances in radii of the body: relative contrast, and the share that is body."""


def brightfield_cells(rng: np.random.Generator, size_px: int) -> tuple[Image, NDArray[np.float32]]:
    """Draw cells on an uneven, grainy background with fibres and specks.

    Boxes, (N, 4), are the extents of the bodies with their dark rims but without halos and fringes.
    """
    sensor, level_e = camera(size_px, rng)
    grain = log_uniform(0.003, 0.05, rng)
    noise = math.hypot(grain, level_e**-0.5)
    contrast = min(noise * log_uniform(4.0, 40.0, rng), 0.8)
    relief = background(size_px, grain, contrast, rng)
    boxes_px = _add_cells(relief, contrast, 2 * noise, rng)
    electrons = np.float32(level_e) * np.clip(1 + relief, 0.02, 3.0)
    clipped_px, inside = within_field(boxes_px, size_px)
    return read_out(electrons, sensor, rng), clipped_px[inside]


def _add_cells(
    relief: Single, contrast: float, faintest: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add cells to the relative light and return their boxes (N, 4)."""
    size_px = len(relief)
    diameter_px = log_uniform(*CELL_PX, rng)
    spread = rng.uniform(0.3, 0.6) if rng.random() < MIXED else rng.uniform(0.05, 0.3)
    elongated = rng.uniform(0.0, 0.6)
    count = min(log_uniform(2, MOST_CELLS, rng), MOST_COVERED * size_px**2 / diameter_px**2)
    gap_px = diameter_px * rng.uniform(0.6, 1.1)
    places_px = scatter_px(max(1, round(count)), gap_px, 0.15 * diameter_px, size_px, rng)
    if rng.random() < CLUMPED:
        places_px = push_together(places_px, rng.uniform(0.2, 0.7), 0.9 * diameter_px, rng)
    usual = rng.choice(len(_RADIALS), len(_RADIALS) if rng.random() < MIXED else 3)
    boxes_px: list[NDArray[np.float64]] = []
    for place_px in places_px:
        radius_px = diameter_px / 2 * math.exp(rng.normal(0.0, spread))
        stretch = 1 + rng.exponential(0.5) if rng.random() < elongated else rng.uniform(1, 1.15)
        radial = _RADIALS[int(rng.choice(usual))]
        patch, body = _cell(radius_px, min(stretch, 3.0), radial, rng)
        patch *= contrast * rng.uniform(0.6, 1.3)
        if np.abs(patch).max() > faintest:
            boxes_px.append(paste(relief, patch, body, place_px))
    return np.array(boxes_px).reshape(-1, 4)


def _cell(
    radius_px: float, stretch: float, radial: Radial, rng: np.random.Generator
) -> tuple[Single, Single]:
    """Relative contrast of one cell, of peak 1, and the share that is body, both (L, L)."""
    rho, x = _distances(radius_px, stretch, rng)
    profile, share = radial(RHO, rng)
    profile = (profile / np.abs(profile).max()).astype(np.float32)
    rows = np.minimum(rho * np.float32(len(RHO) / RHO[-1]), len(RHO) - 1).astype(np.intp)
    patch, body = profile.take(rows), share.astype(np.float32).take(rows)
    patch *= 1 + np.float32(rng.uniform(0.0, 0.3)) * smooth_field(len(patch), 4, rng)
    patch += np.float32(rng.normal(0.0, 0.2)) * x * body
    if rng.random() < 0.1:
        patch *= -1
    if rng.random() < 0.4:
        blur_px = radius_px * rng.uniform(0.05, 0.4)
        patch, body = (cv2.GaussianBlur(each, (0, 0), blur_px) for each in (patch, body))
    return np.asarray(patch, np.float32), np.asarray(body, np.float32)


def _distances(radius_px: float, stretch: float, rng: np.random.Generator) -> tuple[Single, Single]:
    """Distance from the middle in radii of a lobed ellipse, and the coordinate along its axis."""
    half = math.ceil(REACH * radius_px * math.sqrt(stretch)) + 2
    line = np.arange(-half, half + 1, dtype=np.float32) / np.float32(radius_px)
    angle = rng.uniform(0.0, math.pi)
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    shift = rng.uniform(-0.5, 0.5, 2).astype(np.float32) / np.float32(radius_px)
    across, down = line + shift[0], line[:, None] + shift[1]
    x = (cos * across + sin * down) / np.float32(math.sqrt(stretch))
    y = (cos * down - sin * across) * np.float32(math.sqrt(stretch))
    y /= 1 + np.float32(min(0.4, 0.4 * (stretch - 1)) * rng.random()) * np.clip(x, -1, 1)
    lobes, start = int(rng.integers(2, 4)), np.float32(rng.uniform(0.0, 2 * math.pi))
    unevenness = np.float32(rng.uniform(0.0, 0.1))
    rho, turn = cv2.cartToPolar(x, y)
    edge = 1 + unevenness * np.cos(lobes * turn + start)
    return np.asarray(rho / edge, np.float32), x


def _disc(rho: Floats, edge: float, softness: float) -> Floats:
    return 1 / (1 + np.exp(np.clip((rho - edge) / softness, -30, 30)))


def _ring(rho: Floats, at: float, width: float) -> Floats:
    return np.exp(-(((rho - at) / width) ** 2))


def _dark(rho: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    body = _disc(rho, 0.9, rng.uniform(0.03, 0.1))
    halo = _ring(rho, 1.2, rng.uniform(0.08, 0.2))
    return rng.uniform(0.0, 0.5) * halo - body, body


def _soft(rho: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    body = np.exp(-2 * rho**2)
    return rng.uniform(0.0, 0.3) * _ring(rho, 1.25, 0.2) - body, body


def _bright_in_ring(rho: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    body = _disc(rho, 0.95, 0.05)
    bright = rng.uniform(0.3, 1.2) * _disc(rho, rng.uniform(0.4, 0.65), 0.08)
    return bright - rng.uniform(0.5, 1.0) * _ring(rho, 0.85, rng.uniform(0.12, 0.2)), body


def _dark_with_core(rho: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    body = _disc(rho, 0.92, 0.05)
    core = rng.uniform(0.8, 2.2) * _disc(rho, rng.uniform(0.15, 0.4), 0.06)
    halo = rng.uniform(0.2, 0.8) * _ring(rho, 1.15, rng.uniform(0.06, 0.15))
    return core + halo - body, body


def _dark_ring(rho: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    body = _disc(rho, 1.0, 0.06)
    centre = rng.uniform(-0.4, 0.3) * _disc(rho, 0.6, 0.1)
    halo = rng.uniform(0.0, 0.5) * _ring(rho, 1.2, 0.08)
    return centre + halo - _ring(rho, 0.85, rng.uniform(0.1, 0.2)), body


def _fringes(rho: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    body = _disc(rho, 1.0, 0.08)
    wave = np.cos(2 * math.pi * rng.uniform(1.0, 2.2) * rho + rng.uniform(0, 2 * math.pi))
    return wave * np.exp(-((rho / 1.05) ** 4)) - rng.uniform(0.0, 0.4) * body, body


def _phase_bright(rho: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    body = _disc(rho, 0.95, 0.06)
    return body - rng.uniform(0.0, 0.6) * _ring(rho, 1.05, rng.uniform(0.1, 0.2)), body


_RADIALS: tuple[Radial, ...] = (
    _dark,
    _soft,
    _bright_in_ring,
    _dark_with_core,
    _dark_ring,
    _fringes,
    _phase_bright,
)
"""Profiles of cells at different focal positions."""
