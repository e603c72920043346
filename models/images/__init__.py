"""Images: read from files, their contrast and noise.

In: files, arrays. Out: arrays that detectors can use, contrast levels.
"""

from __future__ import annotations

from .levels import Levels, SmoothedLevels, is_uniform, levels_of, stretched
from .pictures import IMAGE_SUFFIXES, read_grey, read_raw
from .preprocessing import (
    LEAST_CAMERA_NOISE,
    QUANTISATION,
    Polarity,
    Scratch,
    as_bright,
    as_float,
    binned,
    blurred,
    camera_noise,
    checked,
    median_of,
    noise_of,
    resized_like,
    robust_noise,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "LEAST_CAMERA_NOISE",
    "QUANTISATION",
    "Levels",
    "Polarity",
    "Scratch",
    "SmoothedLevels",
    "as_bright",
    "as_float",
    "binned",
    "blurred",
    "camera_noise",
    "checked",
    "is_uniform",
    "levels_of",
    "median_of",
    "noise_of",
    "read_grey",
    "read_raw",
    "resized_like",
    "robust_noise",
    "stretched",
]
