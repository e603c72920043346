"""Scenarios: a specimen, a stand and a task in one small TOML file."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import msgspec

from ...drivers.messages import Dynamics
from ...drivers.microscope import MicroscopeError
from ...drivers.settings import (
    CameraSettings,
    FocusSettings,
    LimitSettings,
    StageSettings,
    StandSettings,
)
from ..imaging import OpticsSettings, SensorSettings
from ..scenarios import scenario_names, scenario_text
from ..specimen import SpecimenSettings
from .faults import FaultSettings
from .stage import StageModel


class SimCameraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Timing and mounting of the simulated camera.

    Attributes
    ----------
    exposure_ms : float
    interval_ms : float
        From the start of one exposure to the start of the next.
    readout_ms : float
        From the end of an exposure until the pixels are in memory.
    timelapse : bool
        Let the product ask for every picture, as it does with long intervals, instead of
        letting the camera run.
    affine : (a, b, c, d), optional
        As in `Description.affine`; without it stage x points right and stage y down.
    """

    exposure_ms: float = 5.0
    interval_ms: float = 10.0
    readout_ms: float = 2.0
    timelapse: bool = False
    affine: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.exposure_ms <= self.interval_ms:
            raise ValueError("exposure_ms must be positive and no longer than interval_ms")
        if self.readout_ms < 0:
            raise ValueError("readout_ms must not be negative")


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a simulated microscope is made from.

    Attributes
    ----------
    title : str
        One line for people.
    seconds : float
        How long following it is interesting.
    specimen, optics, sensor, camera, stage, focus
        The world.
    processing_ms : float
        In virtual time, from a readable frame until the move that answers it has arrived at
        the stage's controller: everything that software and cables would take.
    faults : list of FaultSettings
        What goes wrong with stage and camera, and when.
    task : dict
        Tables of a configuration file (detector, predictor, policy, target) that suit it.
    detectors : dict
        Options of its ``detector`` table that one detector needs, under the detector's name.
    """

    title: str
    specimen: SpecimenSettings | None = None
    seconds: float = 20.0
    optics: OpticsSettings = OpticsSettings()
    sensor: SensorSettings = SensorSettings()
    camera: SimCameraSettings = SimCameraSettings()
    stage: StageModel = StageModel()
    focus: StageModel = StageModel(speed_um_s=1_000.0, acceleration_um_s2=50_000.0)
    processing_ms: float = 1.0
    faults: tuple[FaultSettings, ...] = ()
    task: dict[str, Any] = {}
    detectors: dict[str, dict[str, Any]] = {}

    @property
    def affine(self) -> tuple[float, float, float, float]:
        """Pixel offset to stage offset in µm."""
        pixel_um = self.optics.pixel_um
        return self.camera.affine or (pixel_um, 0.0, 0.0, pixel_um)

    @property
    def depth_of_field_um(self) -> float:
        """Depth in which an object looks sharp, in µm.

        The depth of the diffraction pattern, n λ / NA², and that in which its cone of light
        stays within a pixel, n e / NA with the pixel's edge e in the specimen (Inoué and Spring,
        Video Microscopy, 2nd edition, 1997, chapter 2).
        """
        optics = self.optics
        waves_um = optics.wavelength_um / optics.na
        return optics.index / optics.na * (waves_um + optics.pixel_um)

    def stand(self, name: str) -> StandSettings:
        """What a perfectly calibrated user would say about this stand."""
        camera = self.camera
        return StandSettings(
            name=name,
            camera=CameraSettings(
                exposure_ms=camera.exposure_ms,
                interval_ms=camera.interval_ms if camera.timelapse else None,
                pixel_um=self.optics.pixel_um,
                affine=self.affine,
                readout_ms=camera.readout_ms,
            ),
            stage=StageSettings(**_numbers(self.stage)),
            focus=FocusSettings(**_numbers(self.focus)),
            limits=LimitSettings(x_um=(-1e5, 1e5), y_um=(-1e5, 1e5), z_um=(-50.0, 50.0)),
        )


def _numbers(dynamics: Dynamics) -> dict[str, Any]:
    """What calibration would find."""
    return {name: getattr(dynamics, name) for name in Dynamics.__struct_fields__}


def load_scenario(name: str) -> Scenario:
    """Load a scenario by its name, or from the path of a TOML file.

    Raises
    ------
    MicroscopeError
        If there is none, or it cannot be read.
    """
    if name in scenario_names():
        content: str | bytes = scenario_text(name)
    elif Path(name).is_file():
        content = Path(name).read_bytes().removeprefix(codecs.BOM_UTF8)
    else:
        known = ", ".join(scenario_names())
        raise MicroscopeError(f"There is no scenario {name!r}; known: {known}, or give a file.")
    try:
        return msgspec.toml.decode(content, type=Scenario)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MicroscopeError(f"The scenario {name} cannot be read: {error}.") from error
