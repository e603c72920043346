"""From a configuration to a microscope: real hardware, the simulator, or virtual time."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...drivers.clock import VirtualClock
from ...drivers.micromanager import MMCoreMicroscope, open_core, pixel_geometry
from ...drivers.microscope import Microscope, MicroscopeError
from ...drivers.pixel_scale import check_unit
from ...models.detectors import DETECTORS
from ...models.errors import ModelError
from ...models.images import Choice, Recording, open_recording
from ...sim.movie import Movie
from ...sim.stand import (
    LockstepMicroscope,
    Scenario,
    SimulatedMicroscope,
    World,
    load_scenario,
)
from ..configuration import Config, ConfigError, as_sentence, make_config, merge
from .loop import check_diameter
from .movie import suggested_for_movie, told_of, under_movie, usual_field_px

DEFAULT_SCENARIO = "swimmer"
"""What is followed if nothing else is named; chosen: a single cell, fast and easy to see."""
_POINTED_AT = "auto"
"""The detector for what is pointed at, if none is named."""


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

    def lasts_s(self, wanted: float | None) -> float:
        """For how long to follow: as long as is wanted, but no longer than a movie lasts."""
        if self.movie is None:
            return self.scenario.seconds if wanted is None else wanted
        return min(self.movie.duration_s, wanted or math.inf)


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
            source.specimen,
            config.camera.pixel_um,
            source.interval_s,
            choice=Choice(source.position, source.channel, source.plane),
        )
    except ModelError as error:
        raise MicroscopeError(as_sentence(error)) from error
    movie = Movie(recording, recording.pixel_um, recording.interval_s)
    field_px = source.field_px or usual_field_px(movie)
    return Simulation(
        recording.path.stem,
        under_movie(recording, field_px),
        movie,
        movie.um_of_px(*source.start_px) if source.start_px else (0.0, 0.0),
        " ".join(told_of(recording, movie, field_px, config.session.seconds)),
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
    if simulated is not None:
        _refuse_hardware_settings(config)
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


def _refuse_hardware_settings(config: Config) -> None:
    """Refuse what a simulation would ignore."""
    source, camera = config.microscope, config.camera
    given = {
        "microscope.presets": bool(source.presets),
        "microscope.properties": bool(source.properties),
        "camera.binning": camera.binning is not None,
        "camera.roi_px": camera.roi_px is not None,
    }
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise ConfigError(
            f"{wrong[0]} is for a microscope under Micro-Manager: name its configuration "
            "(mm_config under [microscope]), or leave it out in a simulation."
        )


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
        source = config.microscope
        core = open_core(path, config.camera, source.presets, source.properties)
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
