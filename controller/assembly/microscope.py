"""From a configuration to a microscope: real hardware, the simulator, or virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...drivers.clock import VirtualClock
from ...drivers.micromanager import MMCoreMicroscope, load_core
from ...drivers.microscope import Microscope, MicroscopeError
from ...drivers.settings import StandSettings
from ...sim.imaging import OpticsSettings, SensorSettings
from ...sim.movie import Movie, MovieError
from ...sim.stand import (
    LockstepMicroscope,
    Scenario,
    SimCameraSettings,
    SimulatedMicroscope,
    World,
    load_scenario,
)
from ..configuration import Config, ConfigError, make_config, merge

DEFAULT_SCENARIO = "swimmer"
_BODY_PX = 16.0
"""Diameter of objects in a movie, for who does not tell it."""
_FOR_BODIES = {
    "blobs": {"method": "threshold", "polarity": "both", "diameter_px": _BODY_PX},
    "yolo": {"score": 0.1},
    "ssd": {"score": 0.1},
}
"""Options of detectors for cells in brightfield; what is pointed at may be hard to see."""
_SIGMAS = {"yolo": 11, "ssd": 11}
"""Diameters over the standard deviation of a centre: learned ones see bodies more exactly."""
_SURE_SCORES = {"yolo": 0.2, "ssd": 0.2}
"""Scores from which a measurement may begin a track."""
_MOST_FREE_RUNNING_MS = 200.0
"""Longer intervals than this are taken one picture at a time."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulated session is about: a scenario, and the movie in it if there is one."""

    name: str
    scenario: Scenario
    movie: Movie | None = None
    start_um: tuple[float, float] = (0.0, 0.0)

    def world(self, seed: int) -> World:
        """Make the world anew."""
        return World(self.scenario, seed, self.movie, self.start_um)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.movie.duration_s if self.movie else self.scenario.seconds

    @property
    def note(self) -> str:
        """What a person should know about it; empty if nothing."""
        if self.movie is None or not self.movie.assumed:
            return ""
        what = " and ".join(self.movie.assumed)
        return f"{self.movie.path.name} does not tell its {what}: taken as 1."


def simulation(config: Config) -> Simulation | None:
    """What to simulate; None if the configuration names real hardware.

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
        movie = Movie.open(source.specimen, config.camera.pixel_um, source.interval_s)
    except MovieError as error:
        raise MicroscopeError(str(error)) from error
    start_um = movie.um_of_px(*source.start_px) if source.start_px else (0.0, 0.0)
    return Simulation(movie.path.stem, _under_movie(movie, source.field_px), movie, start_um)


def complete(tables: dict[str, Any]) -> tuple[Config, Simulation | None]:
    """Check tables, filling in what the scenario that they name suggests.

    Raises
    ------
    ConfigError, MicroscopeError
    """
    config = make_config(tables)
    simulated = simulation(config)
    if simulated is not None:
        stand = msgspec.to_builtins(simulated.scenario.stand(simulated.name))
        suggested = {key: stand[key] for key in ("camera", "stage", "focus", "limits")}
        suggested["focusing"] = _lens(simulated.scenario.optics)
        own = simulated.scenario.detectors.get(config.detector["name"], {})
        task = merge(simulated.scenario.task, {"detector": own})
        if simulated.movie is not None:
            task = _task_for_movie(simulated.movie, config.detector)
        config = make_config(merge(suggested, task, tables))
    return config, simulated


def open_microscope(config: Config, simulated: Simulation | None) -> Microscope:
    """Open what `pursuit microscope` serves: hardware, or the simulator behind the same driver.

    Raises
    ------
    MicroscopeError
        If a file or a device is missing.
    """
    if simulated is None:
        assert config.microscope.mm_config is not None
        path = Path(config.microscope.mm_config)
        return MMCoreMicroscope(load_core(path), config.stand(path.stem))
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
    stand: StandSettings = config.stand(simulated.name)
    return LockstepMicroscope(simulated.world(config.session.seed), stand, VirtualClock())


def _task_for_movie(movie: Movie, detector: dict[str, Any]) -> dict[str, Any]:
    """Suggest settings for objects of unknown kind, in steps of a movie's own pixels and frames.

    Objects are pointed at in the first frame, of any contrast, and drift by a fraction of their
    diameter each frame. The centre of a body is seen less exactly than that of a spot. The
    fractions were found on T cells and beads.
    """
    diameter_px = detector.get("diameter_px", _BODY_PX)
    kind = detector["name"]
    sigmas = 12 if detector.get("method") == "log" else _SIGMAS.get(kind, 4)
    per_frame_um_s = diameter_px * movie.pixel_um / movie.interval_s
    return {
        "detector": _FOR_BODIES.get(kind, {}),
        "tracking": {
            "confirm_hits": 1,
            "sigma_px": diameter_px / sigmas,
            "high_score": _SURE_SCORES.get(kind, 0.0),
        },
        "predictor": {"speed_um_s": per_frame_um_s / 5},
    }


def _lens(optics: OpticsSettings) -> dict[str, float]:
    """What focusing must know of an objective."""
    return {
        "na": optics.na,
        "wavelength_um": optics.wavelength_um,
        "index": optics.index,
        "astigmatism_um": optics.astigmatism_um,
    }


def _under_movie(movie: Movie, field_px: int) -> Scenario:
    """A stand for a movie: one exposure for each of its frames, a stage that keeps up."""
    interval_ms = movie.interval_s * 1e3
    return Scenario(
        title=f"The movie {movie.path.name}",
        optics=OpticsSettings(pixel_um=movie.pixel_um),
        sensor=SensorSettings(width_px=field_px, height_px=field_px),
        camera=SimCameraSettings(
            exposure_ms=min(interval_ms / 4, 50.0),
            interval_ms=interval_ms,
            readout_ms=min(interval_ms / 10, 5.0),
            timelapse=interval_ms > _MOST_FREE_RUNNING_MS,
        ),
    )
