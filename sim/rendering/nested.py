"""Large fluorescent nuclei with texture, and small bright spots in some of them."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from ..imaging import SensorSettings
from .canvas import Single, log_uniform, noise_e, read_out, scatter_px, smooth_field, within_field
from .phase_contrast import outline
from .transmitted_light import paste

NUCLEUS_PX = (30.0, 150.0)
"""Limits of the diameter. Chosen: so that a spot in it is an object of its own."""
SPOT_SIGMA_PX = (0.9, 2.5)
"""Limits of the standard deviation of a spot. Chosen: a point spread, sampled as usual."""
SPOT_EXTENT = 2 * math.sqrt(2 * math.log(1 / 0.15))
"""Visible diameter of a Gaussian over its standard deviation, see `canvas.VISIBLE`."""
MOST_COVERED = 0.6
"""Share of the field that nuclei may fill. Chosen: tissue and colonies."""
LEAST_SNR = 5.0
"""Of the peak of a spot over the noise and the texture around it. Chosen: surely seen."""


def nuclei_with_spots(
    rng: np.random.Generator, size_px: int
) -> tuple[Image, NDArray[np.float32], NDArray[np.int64]]:
    """Draw nuclei and spots in them; boxes (N, 4) and their classes: 0 a nucleus, 1 a spot."""
    background_e, bits = log_uniform(3.0, 60.0, rng), int(rng.choice([8, 12, 16]))
    peak_e = background_e + log_uniform(20.0, 1500.0, rng)
    gain = rng.uniform(60, 180) / peak_e if bits == 8 else log_uniform(0.2, 2.0, rng)
    sensor = SensorSettings(
        width_px=size_px, height_px=size_px, gain=gain, read_noise_e=rng.uniform(1, 3), bits=bits
    )
    glow, texture = np.zeros((size_px, size_px), np.float32), rng.uniform(0.0, 0.3)
    nuclei_px = _add_nuclei(glow, texture, rng)
    glow = np.asarray(cv2.GaussianBlur(glow, (0, 0), rng.uniform(0.8, 2.0)), np.float32)
    electrons = background_e + np.float32(peak_e) * glow
    electrons += np.float32(peak_e * rng.uniform(0.0, 0.15)) * cv2.GaussianBlur(glow, (0, 0), 20)
    spots_px = _add_spots(electrons, glow, texture, sensor, rng)
    boxes_px = np.concatenate([nuclei_px, spots_px])
    classes = np.repeat(np.array([0, 1]), [len(nuclei_px), len(spots_px)])
    clipped_px, inside = within_field(boxes_px, size_px)
    return read_out(electrons, sensor, rng), clipped_px[inside], classes[inside]


def _add_nuclei(glow: Single, texture: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Add nuclei to the relative light and return their boxes (N, 4)."""
    size_px = len(glow)
    diameter_px = log_uniform(*NUCLEUS_PX, rng)
    count = max(1, round(rng.uniform(0.1, MOST_COVERED) * size_px**2 / diameter_px**2 * 1.3))
    places_px = scatter_px(count, 0.95 * diameter_px, 0.3 * diameter_px, size_px, rng)
    boxes_px = []
    for place_px in places_px:
        radius_px = diameter_px / 2 * math.exp(rng.normal(0.0, 0.12))
        half = math.ceil(1.8 * radius_px)
        mask = np.zeros((2 * half + 1,) * 2, np.uint8)
        cv2.fillPoly(mask, [outline(np.full(2, half), 0.9 * radius_px, 0.15, 0.12, rng)], 255)
        body = np.asarray(mask / np.float32(255), np.float32)
        grain = smooth_field(len(body), max(4, len(body) // 8), rng)
        coarse = smooth_field(len(body), 5, rng)
        patch = body * np.clip(1 + np.float32(texture) * (grain + coarse) / 2, 0.2, 2.0)
        patch *= math.exp(rng.normal(-0.4, 0.4))
        boxes_px.append(paste(glow, np.asarray(patch, np.float32), body, place_px))
    return np.array(boxes_px).reshape(-1, 4)


def _add_spots(
    electrons: Single,
    glow: Single,
    texture: float,
    sensor: SensorSettings,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Add spots where nuclei are and return their boxes (N, 4)."""
    inside = np.argwhere(glow > 0.3)
    sigma_px = log_uniform(*SPOT_SIGMA_PX, rng)
    count = round(log_uniform(1, 40, rng)) if len(inside) else 0
    contrast = log_uniform(LEAST_SNR, 40.0, rng)
    boxes_px = []
    at = np.arange(-math.ceil(4 * sigma_px), math.ceil(4 * sigma_px) + 1)
    for row, column in inside[rng.integers(0, max(1, len(inside)), count)]:
        shift = rng.uniform(-0.5, 0.5, 2)
        x, y = (np.exp(-((at - s) ** 2) / (2 * sigma_px**2)) for s in shift)
        around_e = float(electrons[row, column])
        unclear_e = math.hypot(noise_e(sensor, around_e), 0.25 * texture * around_e)
        patch = np.float32(contrast * unclear_e * rng.uniform(0.7, 1.4)) * np.outer(y, x)
        paste(electrons, patch.astype(np.float32), patch, np.array([column, row], float))
        half = SPOT_EXTENT * sigma_px / 2
        middle = np.array([column, row]) + shift
        boxes_px.append(np.concatenate([middle - half, middle + half]))
    return np.array(boxes_px).reshape(-1, 4)
