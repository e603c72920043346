"""Settings that suit a recorded movie, of whose objects nothing is known but what is told."""

from __future__ import annotations

from typing import Any

_BODY_PX = 16.0
"""Diameter of the objects where none is told. Chosen: a cell at low magnification."""
_FOR_BODIES = {
    "blobs": {"method": "threshold", "polarity": "both", "diameter_px": _BODY_PX},
    "yolo": {"score": 0.1},
    "ssd": {"score": 0.1},
}
"""Options of detectors for cells in brightfield; what is pointed at may be hard to see."""
_SIGMAS = {"yolo": 11, "ssd": 11}
"""Diameters over the standard deviation of a centre: learned ones see bodies more exactly."""
_OTHER_SIGMAS, _SPOT_SIGMAS = 4, 12
"""The same of other detectors: for a body, and for a spot that a Laplacian finds."""
_HIGH_SCORES = {"yolo": 0.2, "ssd": 0.2}
"""Scores from which a measurement may begin a track."""
_FRAMES_PER_DIAMETER = 5
"""Frame intervals in which objects drift by their diameter."""


def suggested_for_movie(
    pixel_um: float, interval_s: float, detector: dict[str, Any]
) -> dict[str, Any]:
    """Suggest settings in steps of a movie's own pixels and frames.

    Objects are pointed at in the first frame, of any contrast, and drift by a fraction of their
    diameter each frame. The centre of a body is seen less exactly than that of a spot. The
    fractions were found on T cells and beads.

    Parameters
    ----------
    pixel_um, interval_s : float
        Edge of a pixel, and time from frame to frame.
    detector : dict
        Table of the detector that is wanted.

    Returns
    -------
    dict
        Tables ``detector``, ``tracking`` and ``predictor``.
    """
    diameter_px = detector.get("diameter_px", _BODY_PX)
    kind = detector["name"]
    sigmas = _SPOT_SIGMAS if detector.get("method") == "log" else _SIGMAS.get(kind, _OTHER_SIGMAS)
    return {
        "detector": _FOR_BODIES.get(kind, {}),
        "tracking": {
            "confirm_hits": 1,
            "sigma_px": diameter_px / sigmas,
            "high_score": _HIGH_SCORES.get(kind, 0.0),
        },
        "predictor": {"speed_um_s": diameter_px * pixel_um / interval_s / _FRAMES_PER_DIAMETER},
    }
