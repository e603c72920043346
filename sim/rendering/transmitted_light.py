"""What every frame in transmitted light has: a bright uneven background, grain, fibres, specks."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging import SensorSettings
from .canvas import Single, log_uniform, smooth_field, visible_extents


def camera(size_px: int, rng: np.random.Generator) -> tuple[SensorSettings, float]:
    """A camera, and the photoelectrons of its background, well below saturation."""
    bits = int(rng.choice([8, 12, 16]))
    level_e = log_uniform(150.0, 12_000.0, rng)
    grey = rng.uniform(0.25, 0.65) * 255 if bits == 8 else log_uniform(300.0, 0.4 * 2**bits, rng)
    gain = grey / level_e
    sensor = SensorSettings(
        width_px=size_px,
        height_px=size_px,
        offset=0.0 if bits == 8 else 100.0,
        gain=gain,
        full_well_e=4 * level_e,
        bits=bits,
    )
    return sensor, level_e


def background(size_px: int, grain: float, contrast: float, rng: np.random.Generator) -> Single:
    """Relative deviation (size_px, size_px) of light without cells from its mean."""
    relief = smooth_field(size_px, int(rng.integers(1, 4)), rng)
    relief *= rng.uniform(0.0, 0.12)
    fine = rng.standard_normal((size_px, size_px), dtype=np.float32)
    width_px = rng.uniform(0.6, 2.5)
    cv2.GaussianBlur(fine, (0, 0), width_px, dst=fine)
    relief += fine * np.float32(grain * 2 * math.sqrt(math.pi) * width_px)
    relief += smooth_field(size_px, int(rng.integers(10, 40)), rng) * np.float32(0.6 * grain)
    relief += _clutter(size_px, rng) * np.float32(contrast * rng.uniform(0.0, 0.4))
    return relief


def _clutter(size_px: int, rng: np.random.Generator) -> Single:
    """Fibres and specks (size_px, size_px), between -1 and 1."""
    ink = np.full((size_px, size_px), 127, np.uint8)
    for _ in range(rng.integers(0, 10)):
        heading = rng.uniform(0.0, 2 * math.pi) + np.cumsum(rng.normal(0.0, 0.2, 20))
        steps = np.stack([np.cos(heading), np.sin(heading)], axis=1)
        line = rng.uniform(0, size_px, 2) + np.cumsum(steps, axis=0) * rng.uniform(2, 12)
        shade = int(rng.integers(0, 255))
        cv2.polylines(ink, [line.astype(np.int32)], False, shade, 1, cv2.LINE_AA)
    for x, y in rng.integers(0, size_px, (rng.integers(0, 25), 2)).tolist():
        cv2.circle(ink, (x, y), int(rng.integers(0, 2)), int(rng.integers(0, 255)), -1)
    clutter = ink.astype(np.float32)
    clutter -= 127
    clutter /= 127
    return np.asarray(cv2.GaussianBlur(clutter, (0, 0), rng.uniform(0.5, 1.5)), np.float32)


def paste(relief: Single, patch: Single, body: Single, place_px: NDArray) -> NDArray[np.float64]:
    """Add a patch around a place and return the box of its body."""
    left, top = (np.round(place_px) - len(patch) // 2).astype(int).tolist()
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = (min(at + len(patch), len(relief)) for at in (left, top))
    if x0 < x1 and y0 < y1:
        relief[y0:y1, x0:x1] += patch[y0 - top : y1 - top, x0 - left : x1 - left]
    return visible_extents(body[None])[0] + (left, top, left, top)
