"""A stand opened for calibration: nothing of its stage taken for known, its camera streaming."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from ...drivers.clock import Clock, SystemClock, VirtualClock
from ...drivers.micromanager import MMCoreMicroscope, open_core
from ...drivers.microscope import Microscope
from ...drivers.settings import StageSettings, StandSettings
from ...sim.stand import LockstepMicroscope, SimulatedMicroscope
from ..assembly import Simulation
from ..configuration import Config, ConfigError

UNKNOWN_UM = 1.0
"""Edge of a pixel that stands for one that is not known: lengths are in pixels then."""


def open_stand(
    config: Config, simulated: Simulation | None, *, lockstep: bool
) -> tuple[Microscope, Clock, float | None]:
    """Open a microscope without compensation of backlash and ringing.

    Returns
    -------
    microscope, clock
    known_pixel_um : float or None
        Edge of a pixel according to the user or Micro-Manager.

    Raises
    ------
    ConfigError, MicroscopeError
        If a file or a device is missing, or hardware should run in virtual time.
    """
    known_um = config.camera.pixel_um
    if simulated is not None:
        stand, world = _uncalibrated(config, simulated), simulated.world(config.session.seed)
        if lockstep:
            clock = VirtualClock()
            return LockstepMicroscope(world, stand, clock), clock, known_um
        return SimulatedMicroscope(world, stand), SystemClock(), known_um
    if lockstep:
        raise ConfigError("Real hardware cannot run in lockstep: leave --lockstep out.")
    assert config.microscope.mm_config is not None
    source = config.microscope
    camera = replace(config.camera, pixel_um=None)  # it is what shall be measured
    core = open_core(Path(config.microscope.mm_config), camera, source.presets, source.properties)
    known_um = known_um or core.getPixelSizeUm() or None
    return MMCoreMicroscope(core, _uncalibrated(config, None)), SystemClock(), known_um


def _uncalibrated(config: Config, simulated: Simulation | None) -> StandSettings:
    """Settings of a camera that streams as fast as it can, and of drives about which none knows.

    A simulated camera in virtual time has to be told its interval.
    """
    camera, stage = config.camera, config.stage
    interval_ms = None
    if simulated is not None and simulated.scenario.camera.timelapse:
        exposing = simulated.scenario.camera
        interval_ms = (camera.exposure_ms or exposing.exposure_ms) + exposing.readout_ms
    return StandSettings(
        name=simulated.name if simulated else "microscope",
        camera=replace(
            camera,
            affine=None,
            pixel_um=camera.pixel_um or UNKNOWN_UM,
            interval_ms=interval_ms,
        ),
        stage=StageSettings(label=stage.label),
        focus=replace(config.focus, backlash_um=0.0, ring_hz=0.0, ring_damping=0.0),
        limits=config.limits,
    )
