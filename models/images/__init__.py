"""Images and movies: read from files, their contrast and noise.

In: files, arrays. Out: recordings, arrays that detectors can use, contrast levels.
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
from .formats import IMAGE_SUFFIXES
from .levels import Levels, SteadyLevels, blank, levels_of, stretched
from .recording import Recording, open_recording, read_grey, read_labels, size_px

__all__ = [
    "IMAGE_SUFFIXES",
    "LEAST_CAMERA_NOISE",
    "QUANTISATION",
    "Levels",
    "Polarity",
    "Recording",
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
    "open_recording",
    "read_grey",
    "read_labels",
    "robust_noise",
    "size_px",
    "stretched",
    "upright",
]
