"""Frames in which there is nothing to detect: borders, text, dust, waves, hot pixels, noise."""

import math

import cv2
import numpy as np

from ...drivers.messages import Image
from .canvas import Single, log_uniform, read_out, smooth_field
from .transmitted_light import background, camera


def empty_field(rng: np.random.Generator, size_px: int) -> Image:
    """Draw a field without objects, in transmitted light or dark, with what is often in one."""
    sensor, level_e = camera(size_px, rng)
    grain = log_uniform(0.003, 0.05, rng)
    contrast = grain * log_uniform(4.0, 30.0, rng)
    relief = background(size_px, grain, min(contrast, 0.8), rng)
    for add in (_waves, _border, _dust, _hot_pixels, _text, _field_stop):
        if rng.random() < 0.3:
            add(relief, contrast, rng)
    if rng.random() < 0.5:
        level_e = log_uniform(2.0, level_e, rng)
    electrons = np.float32(level_e) * np.clip(1 + relief, 0.02, 4.0)
    return read_out(electrons, sensor, rng)


def _waves(relief: Single, contrast: float, rng: np.random.Generator) -> None:
    """Interference fringes, or light that sways."""
    at = np.arange(len(relief), dtype=np.float32)
    angle, period_px = rng.uniform(0, math.pi), log_uniform(6.0, 150.0, rng)
    phase = (at * math.cos(angle) + at[:, None] * math.sin(angle)) * (2 * math.pi / period_px)
    bent = phase + rng.uniform(0, 2) * smooth_field(len(relief), 3, rng)
    relief += np.float32(rng.uniform(0.1, 0.6) * contrast) * np.sin(bent)


def _border(relief: Single, contrast: float, rng: np.random.Generator) -> None:
    """What a registered or cropped movie has at its edges: rows and columns without data."""
    for _ in range(int(rng.integers(1, 3))):
        width = int(rng.integers(1, 40))
        view = np.rot90(relief, int(rng.integers(0, 4)))
        view[:width] = rng.choice([-0.95, -0.5, 0.8])


def _dust(relief: Single, contrast: float, rng: np.random.Generator) -> None:
    """Specks of one to three pixels, and hairs."""
    for x, y in rng.integers(0, len(relief), (int(rng.integers(3, 60)), 2)).tolist():
        relief[y : y + int(rng.integers(1, 3)), x : x + int(rng.integers(1, 3))] += np.float32(
            contrast * rng.normal(0.0, 0.7)
        )
    for _ in range(int(rng.integers(0, 4))):
        ends = rng.integers(0, len(relief), (2, 2))
        ink = np.zeros(relief.shape, np.float32)
        cv2.line(ink, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_AA)
        relief += np.float32(contrast * rng.normal(0.0, 0.5)) * ink


def _hot_pixels(relief: Single, contrast: float, rng: np.random.Generator) -> None:
    """Single pixels, and whole rows, that always read the same."""
    rows, columns = rng.integers(0, len(relief), (2, int(rng.integers(1, 40))))
    relief[rows, columns] = rng.choice([-0.9, 2.5])
    if rng.random() < 0.3:
        relief[int(rng.integers(0, len(relief)))] = rng.choice([-0.9, 2.5])


def _text(relief: Single, contrast: float, rng: np.random.Generator) -> None:
    """A time stamp or a scale bar, burnt in."""
    clock = f"{rng.integers(0, 99):02}:{rng.integers(0, 59):02}:{rng.integers(0, 59):02}"
    text = str(rng.choice([clock, "10 um", "50 um", "t = 12.5 s", "Frame 0042", "DAPI", "A03"]))
    ink = np.zeros(relief.shape, np.uint8)
    at = rng.integers(5, len(relief) - 10, 2).tolist()
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN]))
    cv2.putText(ink, text, at, font, rng.uniform(0.4, 1.6), 255, int(rng.integers(1, 3)))
    if rng.random() < 0.5:
        x, y = rng.integers(5, len(relief) - 30, 2).tolist()
        ink[y : y + int(rng.integers(2, 6)), x : x + int(rng.integers(20, 90))] = 255
    relief += ink.astype(np.float32) / 255 * np.float32(rng.choice([-1.0, 1.0, 2.0]))


def _field_stop(relief: Single, contrast: float, rng: np.random.Generator) -> None:
    """A round edge, outside of which there is no light."""
    size_px = len(relief)
    radius_px = size_px * rng.uniform(0.4, 0.9)
    middle = rng.uniform(0.3, 0.7, 2) * size_px
    at = np.arange(size_px)
    outside = np.hypot(at - middle[0], at[:, None] - middle[1]) > radius_px
    dark = cv2.GaussianBlur(outside.astype(np.float32), (0, 0), rng.uniform(0.4, 3.0))
    relief -= np.float32(0.9) * dark * (1 + relief)
