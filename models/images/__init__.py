"""Images: read from files, their contrast and noise.

In: files, arrays. Out: arrays that detectors can use, contrast levels.
"""

from __future__ import annotations

from .contrast import (
    LEAST_CAMERA_NOISE,
    QUANTISATION,
    Polarity,
    Scratch,
    as_float,
    binned,
    blurred,
    camera_noise,
    checked,
    enlarged,
    level_of,
    noise_of,
    robust_noise,
    upright,
)
from .levels import Levels, SteadyLevels, blank, levels_of, stretched
from .pictures import IMAGE_SUFFIXES, read_grey, read_raw

__all__ = [
    "IMAGE_SUFFIXES",
    "LEAST_CAMERA_NOISE",
    "QUANTISATION",
    "Levels",
    "Polarity",
    "Scratch",
    "SteadyLevels",
    "as_float",
    "binned",
    "blank",
    "blurred",
    "camera_noise",
    "checked",
    "enlarged",
    "level_of",
    "levels_of",
    "noise_of",
    "read_grey",
    "read_raw",
    "robust_noise",
    "stretched",
    "upright",
]
