"""models.images."""

from __future__ import annotations

from .contrast import (
    LEAST_CAMERA_NOISE,
    QUANTISATION,
    Float,
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
from .levels import Image, Levels, SteadyLevels, blank, levels_of, stretched
from .pictures import IMAGE_SUFFIXES, read_grey, read_raw

__all__ = [
    "IMAGE_SUFFIXES",
    "LEAST_CAMERA_NOISE",
    "QUANTISATION",
    "Float",
    "Image",
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
