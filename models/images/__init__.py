"""Images and movies: read from files, their contrast and noise.

In: files, arrays. Out: recordings, arrays that detectors can use, contrast levels.
"""

from .arrangement import Choice
from .formats import IMAGE_SUFFIXES
from .hot_pixels import without_hot_pixels
from .levels import Levels, SmoothedLevels, is_uniform, levels_of, stretched
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
from .recording import Recording, open_recording, read_grey, read_labels, size_px
from .registration import BLUR_PX, LARGEST_PX, Reference, Shift

__all__ = [
    "BLUR_PX",
    "IMAGE_SUFFIXES",
    "LARGEST_PX",
    "LEAST_CAMERA_NOISE",
    "QUANTISATION",
    "Choice",
    "Levels",
    "Polarity",
    "Recording",
    "Reference",
    "Scratch",
    "Shift",
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
    "open_recording",
    "read_grey",
    "read_labels",
    "resized_like",
    "robust_noise",
    "size_px",
    "stretched",
    "without_hot_pixels",
]
