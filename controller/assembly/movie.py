"""A recorded movie under a simulated camera: the stand, the field, and what is assumed of it."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ...models.detectors import movie_defaults
from ...models.images import Recording
from ...sim.imaging import OpticsSettings, SensorSettings
from ...sim.movie import Movie
from ...sim.stand import Scenario, SimCameraSettings
from ..configuration import ConfigError, as_sentence

_MOST_STREAMING_MS = 200.0
"""Greatest interval at which the camera streams; chosen: with longer ones a person would open the
shutter for each picture, as in a time lapse."""
_FRAMES_PER_DIAMETER = 5
"""Frame intervals in which objects drift by their diameter, as was found on T cells and beads."""


def usual_field_px(movie: Movie) -> int:
    """Side of a field that has somewhere to go: half of the movie, within limits.

    Chosen: as large as what the detectors were tried on, and no smaller than an object with its
    surroundings.
    """
    return min(max(min(movie.width_px, movie.height_px) // 2, 64), 256)


def told_of(
    recording: Recording, movie: Movie, field_px: int, seconds: float | None
) -> Iterator[str]:
    """What a person should know of a movie, in sentences."""
    name, unknown = recording.path.name, " and ".join(recording.assumed)
    if unknown:
        yield f"{name} does not tell its {unknown}: taken as 1."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in recording.notes)
    if field_px > min(movie.width_px, movie.height_px):
        yield (
            f"The field of {field_px} px is larger than {name}, {movie.width_px} x "
            f"{movie.height_px} px: beyond its border is nothing to see; a smaller "
            "microscope.field_px leaves the stage something to do."
        )
    if seconds is not None and seconds > movie.duration_s:
        yield f"{name} ends after {movie.duration_s:g} s, and with it the session."


def under_movie(recording: Recording, field_px: int) -> Scenario:
    """Return a stand for a movie: an exposure for each of its frames, a stage that keeps up.

    The shares of the interval are chosen: an exposure short enough for sharp images of what
    moves, a readout that leaves most of the interval to the controller.
    """
    interval_ms = recording.interval_s * 1e3
    return Scenario(
        title=f"The movie {recording.path.name}",
        optics=OpticsSettings(pixel_um=recording.pixel_um),
        sensor=SensorSettings(width_px=field_px, height_px=field_px),
        camera=SimCameraSettings(
            exposure_ms=min(interval_ms / 4, 50.0),
            interval_ms=interval_ms,
            readout_ms=min(interval_ms / 10, 5.0),
            timelapse=interval_ms > _MOST_STREAMING_MS,
        ),
    )


def suggested_for_movie(
    pixel_um: float, interval_s: float, detector: Mapping[str, Any]
) -> dict[str, Any]:
    """Suggest the tables ``detector``, ``tracking`` and ``predictor`` for a movie.

    Objects are pointed at in the first frame, so one measurement makes a track. The diameter sets
    how exactly an object is detected and how far it moves between frames.

    Raises
    ------
    ConfigError
        If there is no detector as in the table that is wanted, or no object has that size.
    """
    options = dict(detector)
    try:
        expected = movie_defaults(options.pop("name"), options)
    except ValueError as error:
        raise ConfigError(as_sentence(error)) from error
    diameter_px = _size_px(options.get("diameter_px", expected.diameter_px))
    return {
        "detector": dict(expected.options),
        "tracking": {
            "confirm_hits": 1,
            "sigma_px": diameter_px / expected.diameters_per_sigma,
            "high_score": expected.high_score,
        },
        "predictor": {"speed_um_s": diameter_px * pixel_um / interval_s / _FRAMES_PER_DIAMETER},
    }


def _size_px(given: Any) -> float:
    if isinstance(given, int | float) and 0 < given < math.inf:
        return given
    raise ConfigError(
        f"detector.diameter_px = {given} is no size: give the diameter of the objects in pixels."
    )
