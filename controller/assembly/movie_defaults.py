"""Settings that suit a recorded movie, of which nothing is known but its pixels and frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BODY_PX = 16.0
"""Diameter of the objects if it is not told; chosen: a small cell at a low magnification."""

_DETECTOR_OPTIONS: dict[str, dict[str, Any]] = {
    "blobs": {"method": "threshold", "polarity": "both", "diameter_px": BODY_PX},
    "yolo": {"score": 0.1},
    "ssd": {"score": 0.1},
}
"""Options for cells in brightfield: bright and dark parts, and a low score, as an object that is
pointed at may be hard to see."""

_HIGH_SCORES = {"yolo": 0.2, "ssd": 0.2}
"""Scores from which a detection may begin a track, above the least score of the same detector."""

_DIAMETERS_PER_SIGMA = {"yolo": 11, "ssd": 11}
"""Diameter of a body over the standard deviation of its detected centre, for learned detectors,
which see it more exactly. Found on recordings of T cells and beads, as are the three below."""
_DIAMETERS_PER_SIGMA_OF_LOG = 12
"""The same for `blobs` with its method for spots, whose centres are seen more exactly."""
_DIAMETERS_PER_SIGMA_OTHERWISE = 4
"""The same for all other detectors."""
_FRAMES_PER_DIAMETER = 5
"""Frames in which an object typically moves by its diameter along an axis."""


def suggested_for_movie(
    pixel_um: float, interval_s: float, detector: Mapping[str, Any]
) -> dict[str, Any]:
    """Suggest tables of a configuration for objects of unknown kind in a movie.

    An object is pointed at in the first frame, so one measurement makes a track. Its size sets
    how exactly it is detected and how far it moves between frames.

    Parameters
    ----------
    pixel_um : float
        Edge of a pixel.
    interval_s : float
        Time from frame to frame.
    detector : mapping
        The table ``detector``, with at least a name.
    """
    name = detector["name"]
    diameter_px = detector.get("diameter_px", BODY_PX)
    per_sigma = _DIAMETERS_PER_SIGMA.get(name, _DIAMETERS_PER_SIGMA_OTHERWISE)
    if detector.get("method") == "log":
        per_sigma = _DIAMETERS_PER_SIGMA_OF_LOG
    return {
        "detector": _DETECTOR_OPTIONS.get(name, {}),
        "tracking": {
            "confirm_hits": 1,
            "sigma_px": diameter_px / per_sigma,
            "high_score": _HIGH_SCORES.get(name, 0.0),
        },
        "predictor": {"speed_um_s": diameter_px * pixel_um / interval_s / _FRAMES_PER_DIAMETER},
    }
