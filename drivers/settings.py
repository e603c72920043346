"""What a user can say about a stand: labels, exposure, calibration and limits."""

from __future__ import annotations

import math

import msgspec

from .messages import Dynamics


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every table of a configuration file: unknown keys are errors."""


class CameraSettings(Settings, frozen=True):
    """The camera and how its pixels lie on the specimen.

    Attributes
    ----------
    label : str
        Device label; empty takes the configuration's camera.
    exposure_ms : float, optional
        Left as it is if not given.
    interval_ms : float, optional
        Take one picture every so often, with the shutter closed in between; without it, the
        camera streams as fast as it can.
    pixel_um : float, optional
        Edge of a pixel in the specimen; taken from the configuration if not given.
    affine : (a, b, c, d), optional
        Pixel offset (right, down) to stage offset in µm, see `Description.affine`.
    readout_ms : float
        From the end of an exposure until its pixels are in the host's memory.
    """

    label: str = ""
    exposure_ms: float | None = None
    interval_ms: float | None = None
    pixel_um: float | None = None
    affine: tuple[float, float, float, float] | None = None
    readout_ms: float = 0.0

    def __post_init__(self) -> None:
        for name in ("exposure_ms", "interval_ms", "pixel_um"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number")
        if self.affine is not None:
            a, b, c, d = self.affine
            if not abs(a * d - b * c) > 0:
                raise ValueError("affine must be invertible: its determinant is zero")


class StageSettings(Dynamics, frozen=True):
    """A stage: its label and how it answers commands."""

    label: str = ""

    @property
    def dynamics(self) -> Dynamics:
        """Return the calibrated numbers alone."""
        return Dynamics(self.delay_ms, self.speed_um_s, self.acceleration_um_s2, self.settle_ms)


Range = tuple[float, float]


class LimitSettings(Settings, frozen=True):
    """The box that no move may leave, in stage µm.

    An axis without a range gets `default_travel_um` (or `default_focus_travel_um`) to either
    side of where it stands when the microscope is opened.
    """

    x_um: Range | None = None
    y_um: Range | None = None
    z_um: Range | None = None

    default_travel_um = 2_000.0
    default_focus_travel_um = 20.0

    def __post_init__(self) -> None:
        for name in ("x_um", "y_um", "z_um"):
            limits = getattr(self, name)
            if limits is not None and not limits[0] < limits[1]:
                raise ValueError(f"{name} must be [low, high] with low < high")

    def around(self, position_um: tuple[float, float, float]) -> tuple[Range, Range, Range]:
        """Return the box, given where the stage stands."""
        travel = (self.default_travel_um,) * 2 + (self.default_focus_travel_um,)
        given = (self.x_um, self.y_um, self.z_um)
        x, y, z = (
            limits or (at - reach, at + reach)
            for limits, at, reach in zip(given, position_um, travel, strict=True)
        )
        return x, y, z


class StandSettings(Settings, frozen=True):
    """Everything about a stand that Micro-Manager's own configuration does not say."""

    name: str = "microscope"
    camera: CameraSettings = CameraSettings()
    stage: StageSettings = StageSettings()
    focus: StageSettings = StageSettings()
    limits: LimitSettings = LimitSettings()
