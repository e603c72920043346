"""Settings that suit a recorded movie, of whose objects nothing is known but what is told."""

from collections.abc import Mapping
from typing import Any

from ...models.detectors import movie_defaults
from ..configuration import ConfigError, as_sentence

_FRAMES_PER_DIAMETER = 5
"""Frame intervals in which objects drift by their diameter, as was found on T cells and beads."""


def suggested_for_movie(
    pixel_um: float, interval_s: float, detector: Mapping[str, Any]
) -> dict[str, Any]:
    """Suggest the tables ``detector``, ``tracking`` and ``predictor`` for a movie.

    Objects are pointed at in the first frame, so one measurement makes a track. The diameter sets
    how exactly an object is detected and how far it moves between frames.

    Parameters
    ----------
    pixel_um, interval_s : float
        Edge of a pixel, and time from frame to frame.
    detector : mapping
        The table of the detector that is wanted.

    Raises
    ------
    ConfigError
        If there is no such detector.
    """
    options = dict(detector)
    try:
        expected = movie_defaults(options.pop("name"), options)
    except ValueError as error:
        raise ConfigError(as_sentence(error)) from error
    diameter_px = options.get("diameter_px", expected.diameter_px)
    return {
        "detector": dict(expected.options),
        "tracking": {
            "confirm_hits": 1,
            "sigma_px": diameter_px / expected.diameters_per_sigma,
            "high_score": expected.high_score,
        },
        "predictor": {"speed_um_s": diameter_px * pixel_um / interval_s / _FRAMES_PER_DIAMETER},
    }
