"""From a configuration to a microscope: real hardware, the simulator, or virtual time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...drivers.clock import VirtualClock
from ...drivers.micromanager import MMCoreMicroscope, load_core, pixel_geometry
from ...drivers.microscope import Microscope, MicroscopeError
from ...drivers.pixel_scale import check_unit
from ...models.detectors import DETECTORS, movie_defaults
from ...models.errors import ModelError
from ...models.images import Recording, open_recording
from ...sim.imaging import OpticsSettings, SensorSettings
from ...sim.movie import Movie
from ...sim.stand import (
    LockstepMicroscope,
    Scenario,
    SimCameraSettings,
    SimulatedMicroscope,
    World,
    load_scenario,
)
from ..configuration import Config, ConfigError, as_sentence, make_config, merge
from .loop import check_diameter

DEFAULT_SCENARIO = "swimmer"
"""What is followed if nothing else is named; chosen: a single cell, fast and easy to see."""
_POINTED_AT = "auto"
"""The detector for what is pointed at, if none is named."""
_MOST_STREAMING_MS = 200.0
"""Greatest interval at which the camera streams; chosen: with longer ones a person would open the
shutter for each picture, as in a time lapse."""
_FRAMES_PER_DIAMETER = 5
"""Frame intervals in which objects drift by their diameter, as was found on T cells and beads."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulated session is about: a scenario, and the movie in it if there is one."""

    name: str
    scenario: Scenario
    movie: Movie | None = None
    start_um: tuple[float, float] = (0.0, 0.0)
    note: str = ""
    """What a person should know about it; empty if nothing."""

    def world(self, seed: int) -> World:
        """Make the world anew."""
        return World(self.scenario, seed, self.movie, self.start_um)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.movie.duration_s if self.movie else self.scenario.seconds


def simulation(config: Config, recording: Recording | None = None) -> Simulation | None:
    """What to simulate; None if the configuration names real hardware.

    ``recording`` is the movie that it names, if that is open already.

    Raises
    ------
    MicroscopeError
        If the scenario or movie cannot be used.
    """
    source = config.microscope
    if source.mm_config is not None:
        return None
    if source.specimen is None:
        name = source.scenario or DEFAULT_SCENARIO
        return Simulation(Path(name).stem, load_scenario(name))
    try:
        recording = recording or open_recording(
            source.specimen, config.camera.pixel_um, source.interval_s
        )
    except ModelError as error:
        raise MicroscopeError(as_sentence(error)) from error
    movie = Movie(recording, recording.pixel_um, recording.interval_s)
    unknown = " and ".join(recording.assumed)
    return Simulation(
        recording.path.stem,
        _under_movie(recording, source.field_px),
        movie,
        movie.um_of_px(*source.start_px) if source.start_px else (0.0, 0.0),
        unknown and f"{recording.path.name} does not tell its {unknown}: taken as 1.",
    )


def complete(
    tables: dict[str, Any], recording: Recording | None = None
) -> tuple[Config, Simulation | None]:
    """Check tables, filling in what the scenario that they name suggests.

    ``recording`` is the movie that they name, if that is open already.

    Raises
    ------
    ConfigError, MicroscopeError
    """
    config = make_config(tables)
    simulated = simulation(config, recording)
    if _is_pointed_at(config, simulated) and "name" not in tables.get("detector", {}):
        tables = merge(tables, {"detector": {"name": _POINTED_AT}})
        config = make_config(tables)
    if simulated is not None:
        stand = msgspec.to_builtins(simulated.scenario.stand(simulated.name))
        suggested = {key: stand[key] for key in ("camera", "stage", "focus", "limits")}
        lens = ("na", "wavelength_um", "index", "astigmatism_um")
        suggested["focusing"] = {key: getattr(simulated.scenario.optics, key) for key in lens}
        own = simulated.scenario.detectors.get(config.detector["name"], {})
        task = merge(simulated.scenario.task, {"detector": own})
        if simulated.movie is not None:
            movie = simulated.movie
            task = suggested_for_movie(movie.pixel_um, movie.interval_s, config.detector)
            if config.microscope.start_px is not None:
                task["target"] = {"point_um": simulated.start_um}
        wanted = _unless_given(task.get("detector", {}), tables.get("detector", {}))
        task["detector"] = wanted if config.detector["name"] in DETECTORS.builtin else {}
        config = make_config(merge(suggested, task, tables))
        if simulated.movie is not None:
            movie = simulated.movie
            check_diameter(config, movie.pixel_um, movie.width_px, movie.height_px, "the movie")
    return config, simulated


def _is_pointed_at(config: Config, simulated: Simulation | None) -> bool:
    """Whether a person has pointed at something of unknown kind."""
    if simulated is not None and simulated.movie is None:
        return False
    return config.microscope.start_px is not None or config.target.point_um is not None


def _unless_given(suggested: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Leave out sizes that are suggested in the one unit and given in the other."""
    units = {"_um": "_px", "_px": "_um"}
    return {
        key: value
        for key, value in suggested.items()
        if key[:-3] + units.get(key[-3:], key[-3:]) not in given
    }


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


def open_microscope(config: Config, simulated: Simulation | None) -> Microscope:
    """Open what `pursuit microscope` serves: hardware, or the simulator behind the same driver.

    Raises
    ------
    MicroscopeError
        If it cannot be used as it is described.
    """
    if simulated is None:
        assert config.microscope.mm_config is not None
        path = Path(config.microscope.mm_config)
        core = load_core(path)
        check_unit(pixel_geometry(core, config.camera).pixel_um)
        return MMCoreMicroscope(core, config.stand(path.stem))
    return SimulatedMicroscope(simulated.world(config.session.seed), config.stand(simulated.name))


def open_lockstep(config: Config, simulated: Simulation | None) -> LockstepMicroscope:
    """Open a simulated microscope in virtual time.

    Raises
    ------
    ConfigError
        If the configuration names real hardware.
    """
    if simulated is None:
        raise ConfigError("Real hardware cannot run in lockstep: leave --lockstep out.")
    world, stand = simulated.world(config.session.seed), config.stand(simulated.name)
    return LockstepMicroscope(world, stand, VirtualClock())


def _under_movie(recording: Recording, field_px: int) -> Scenario:
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
