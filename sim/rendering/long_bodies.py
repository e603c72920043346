"""Long bodies in transmitted light and dark field: worms, larvae, fish, bent and tapering."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from .canvas import Single, log_uniform, read_out, scatter_px, smooth_field, within_field
from .transmitted_light import background, camera, paste

LENGTH_PX = (18.0, 160.0)
"""Limits of the length. Chosen: from a few pixels across to half of a frame."""
ASPECT = (3.0, 14.0)
"""Limits of length over width. Chosen: from a larva to a nematode (13, as of C. elegans)."""
MOST_BODIES = 14
"""In a frame. Chosen: of more, those that cross cannot be told apart."""
MOST_COVERED = 0.8
"""Of the field, by the squares of their lengths, which they fill to a tenth."""
JOINTS = 40
"""Points of a midline. Chosen: four degrees each in the strongest bend."""


def long_bodies(rng: np.random.Generator, size_px: int) -> tuple[Image, NDArray[np.float32]]:
    """Draw long bodies, dark on bright or the other way round; boxes, (N, 4), are their extents."""
    sensor, level_e = camera(size_px, rng)
    grain = log_uniform(0.003, 0.04, rng)
    noise = math.hypot(grain, level_e**-0.5)
    contrast = min(noise * log_uniform(5.0, 60.0, rng), 0.85)
    relief = background(size_px, grain, contrast, rng)
    sign = -1.0 if rng.random() < 0.7 else 1.0
    if rng.random() < 0.3:
        _add_rim(relief, sign * contrast, rng)
    boxes_px = _add_bodies(relief, sign * contrast, rng)
    electrons = np.float32(level_e) * np.clip(1 + relief, 0.02, 3.0)
    clipped_px, inside = within_field(boxes_px, size_px)
    return read_out(electrons, sensor, rng), clipped_px[inside]


def _add_rim(relief: Single, contrast: float, rng: np.random.Generator) -> None:
    """Add the edge of a dish or of a field stop, as dark (bright) as the bodies or more so."""
    size_px = len(relief)
    radius_px = size_px * rng.uniform(0.5, 3.0)
    angle = rng.uniform(0.0, 2 * math.pi)
    away_px = radius_px - size_px * rng.uniform(0.25, 0.45)
    middle = size_px / 2 - away_px * np.array([math.cos(angle), math.sin(angle)])
    at = np.arange(size_px)
    outside_px = np.hypot(at - middle[0], at[:, None] - middle[1]) - radius_px
    relief += np.float32(contrast * rng.uniform(0.5, 1.5)) / (
        1 + np.exp(-np.clip(outside_px / rng.uniform(0.5, 3.0), -30, 30))
    ).astype(np.float32)


def _add_bodies(relief: Single, contrast: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Add bodies of one kind to the relative light and return their boxes (N, 4)."""
    size_px = len(relief)
    length_px, aspect = log_uniform(*LENGTH_PX, rng), log_uniform(*ASPECT, rng)
    most = MOST_COVERED * size_px**2 / length_px**2
    count = max(1, round(min(log_uniform(1, MOST_BODIES, rng), most)))
    gap_px = length_px * rng.uniform(0.3, 1.0)
    places_px = scatter_px(count, gap_px, 0.2 * length_px, size_px, rng)
    bend, taper = rng.uniform(0.2, 2.5), rng.uniform(0.0, 1.0)
    boxes_px = []
    for place_px in places_px:
        own_px = length_px * math.exp(rng.normal(0.0, 0.15))
        thickness = _body(own_px, own_px / aspect, bend, taper, rng)
        inside = 1 + np.float32(rng.uniform(0.0, 0.4)) * smooth_field(len(thickness), 10, rng)
        halo = cv2.GaussianBlur(thickness, (0, 0), rng.uniform(0.2, 0.6) * own_px / aspect)
        patch = thickness * inside - np.float32(max(0.0, rng.uniform(-0.5, 0.5))) * halo
        patch *= np.float32(contrast * rng.uniform(0.7, 1.2))
        boxes_px.append(paste(relief, np.asarray(patch, np.float32), thickness, place_px))
    return np.array(boxes_px).reshape(-1, 4)


def _body(
    length_px: float, width_px: float, bend: float, taper: float, rng: np.random.Generator
) -> Single:
    """Optical thickness (L, L) of a bent body, between 0 and 1.

    Parameters
    ----------
    bend : float
        Angle through which it may turn from end to end, rad.
    taper : float
        How much of its width is at one end: 0 is a worm, 1 a fish.
    """
    fine = 4 if width_px < 12 else 2
    along = np.linspace(0.0, 1.0, JOINTS)
    curl = bend * rng.normal(0.0, 1.0) * along
    wave = 0.4 * bend * rng.normal() * np.sin(2 * math.pi * (along + rng.random()))
    heading = rng.uniform(0.0, 2 * math.pi) + curl + wave
    line = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    line = (line - line.mean(axis=0)) * (length_px * fine / JOINTS)
    round_ends = np.sqrt(np.clip(1 - (2 * along - 1) ** 6, 0, 1))
    head_heavy = 1.4 * (1 - along) ** 1.5 + 0.15
    widths = width_px * fine / 2 * ((1 - taper) * round_ends + taper * head_heavy * round_ends)
    half = math.ceil(np.abs(line).max() / fine + width_px) + 3
    mask = np.zeros(((2 * half + 1) * fine,) * 2, np.uint8)
    for (x, y), width in zip(line + len(mask) / 2, np.maximum(widths, 0.5), strict=True):
        cv2.circle(mask, (round(x * 16), round(y * 16)), round(width * 16), 255, -1, shift=4)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3) / (width_px * fine / 2)
    thick = (1 - np.exp(-depth / rng.uniform(0.15, 0.6))).astype(np.float32)
    thick = cv2.resize(thick, (2 * half + 1,) * 2, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(thick, (0, 0), rng.uniform(0.5, 1.2))
    return np.asarray(blurred / blurred.max(), np.float32)
