"""What a user can say about a stand: labels, exposure, calibration and limits."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .envelope import LimitSettings
from .messages import Dynamics

Property = tuple[str, str]
"""Label of a device and name of one of its properties."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every table of a configuration file: unknown keys are errors."""


_MOST = {
    "delay_ms": (1_000.0, "µs"),
    "settle_ms": (2_000.0, "µs"),
    "speed_um_s": (1e6, "nm/s"),
    "acceleration_um_s2": (1e9, "nm/s²"),
    "backlash_um": (50.0, "nm"),
    "ring_hz": (10_000.0, "mHz"),
}
"""Most that a number about a drive can be, and the unit it is in if it is more. Chosen: some ten
times what any microscope's stage has, so that a usual number in the wrong unit is above it."""
_MOST_FOCUS_BACKLASH_UM = 20.0
"""Of a focus drive. Chosen: ten times that of a worn one; an objective is some 100 µm away."""
_Begin = Annotated[int, Meta(ge=0, le=100_000)]
_Length = Annotated[int, Meta(ge=1, le=100_000)]
"""Of a region along an axis, in pixels; no sensor has as many."""
_LONGEST_MS = 3_600_000.0
"""Of an exposure or a readout. Chosen: an hour."""


class CameraSettings(Settings, frozen=True):
    """The camera and how its pixels lie on the specimen.

    Attributes
    ----------
    exposure_ms : float, optional
        Exposure time; left as it is if not given.
    interval_ms : float, optional
        Time from one image to the next, with the shutter closed in between; if not given, the
        camera streams as fast as it can.
    pixel_um : float, optional
        Edge of a pixel in the specimen; as Micro-Manager has it if not given.
    affine : (a, b, c, d), optional
        From pixels to the stage: a target ``right`` and ``down`` of the middle, in pixels, is
        centred by moving the stage by (a·right + b·down, c·right + d·down) µm. As
        Micro-Manager has it if not given, else [pixel, 0, 0, pixel], and the session says that
        it is not calibrated. Refused if its scale and the size of a pixel differ by more than 25 %.
    binning : int, optional
        Pixels of the sensor along the edge of one of the image; left as it is if not given. The
        size of a pixel and the affine are those of the image: calibrate with the same.
    roi_px : (left, top, width, height), optional
        Part of the image that is read, in its pixels; left as it is if not given.

    Other Parameters
    ----------------
    label : str
        Device label; if empty, the camera in that role.
    channel : str
        Of several cameras behind that one (Micro-Manager's Multi Camera), the one to follow
        with; if empty, the first.
    readout_ms : float
        Time from the end of an exposure until its pixels are in the host's memory.
    """

    label: str = ""
    channel: str = ""
    exposure_ms: float | None = None
    interval_ms: Annotated[float, Meta(examples=[1000.0])] | None = None
    pixel_um: Annotated[float, Meta(examples=[0.65])] | None = None
    affine: tuple[float, float, float, float] | None = None
    binning: Annotated[int, Meta(ge=1, le=64, examples=[2])] | None = None
    roi_px: (
        Annotated[tuple[_Begin, _Begin, _Length, _Length], Meta(examples=[(0, 0, 512, 512)])] | None
    ) = None
    readout_ms: float = 0.0

    def __post_init__(self) -> None:
        for name in ("exposure_ms", "interval_ms", "pixel_um"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number")
        if not (math.isfinite(self.readout_ms) and self.readout_ms >= 0):
            raise ValueError("readout_ms must be zero or a positive number")
        for name in ("exposure_ms", "readout_ms"):
            if (getattr(self, name) or 0.0) > _LONGEST_MS:
                raise ValueError(f"{name} must be at most {_LONGEST_MS:.0f}, an hour: it is in ms")
        if self.affine is not None:
            a, b, c, d = self.affine
            if not all(map(math.isfinite, self.affine)):
                raise ValueError("affine must be four finite numbers")
            if not abs(a * d - b * c) > 0:
                raise ValueError("affine must be invertible: its determinant is zero")


class FocusSettings(Dynamics, frozen=True):
    """A drive: its label, and how it answers commands.

    Other Parameters
    ----------------
    label : str
        Device label; if empty, the device in that role.
    """

    label: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, (greatest, unit) in self._most().items():
            if getattr(self, name) > greatest:
                raise ValueError(
                    f"{name} = {getattr(self, name):g} is more than any drive has "
                    f"({greatest:g}): if it is in {unit}, convert it"
                )

    @property
    def dynamics(self) -> Dynamics:
        """Return the calibrated numbers alone."""
        return Dynamics(**{name: getattr(self, name) for name in Dynamics.__struct_fields__})

    def _most(self) -> dict[str, tuple[float, str]]:
        """Most that each number can be, and the unit it is in if it is more."""
        return {**_MOST, "backlash_um": (_MOST_FOCUS_BACKLASH_UM, "nm")}


class StageSettings(FocusSettings, frozen=True):
    """An XY stage; many can be given a velocity through properties of a device.

    Other Parameters
    ----------------
    velocity_x : str, optional
        ``"Device,Property"`` that sets the velocity along x; the policy ``velocity`` needs it.
    velocity_y : str, optional
        The same along y.
    velocity_unit_um_s : (x, y)
        What a value of 1 means there, in µm/s; negative where the property counts against the
        stage's coordinates.
    after_hand : {"resume", "wait"}
        What follows when the stage rests again after a hand on the joystick has moved it:
        ``resume`` at once, or ``wait`` for `pursuit arm`.
    """

    velocity_x: str | None = None
    velocity_y: str | None = None
    velocity_unit_um_s: tuple[float, float] = (1.0, 1.0)
    after_hand: Literal["resume", "wait"] = "resume"

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.velocity_x, self.velocity_y
        if (names[0] is None) != (names[1] is None):
            raise ValueError("velocity_x and velocity_y must be given together")
        for name in names:
            if name is not None and not all(part.strip() for part in _parts(name)):
                raise ValueError('velocity_x and velocity_y must have the form "Device,Property"')
        if not all(math.isfinite(unit) and unit != 0 for unit in self.velocity_unit_um_s):
            raise ValueError("velocity_unit_um_s must be two numbers other than zero")

    @property
    def velocity_properties(self) -> tuple[Property, Property] | None:
        """Device and name of the properties for x and y; None if the stage takes no velocity."""
        if self.velocity_x is None or self.velocity_y is None:
            return None
        return _parts(self.velocity_x), _parts(self.velocity_y)

    def _most(self) -> dict[str, tuple[float, str]]:
        return _MOST


def _parts(name: str) -> Property:
    device, _, name = name.partition(",")
    return device.strip(), name.strip()


class StandSettings(Settings, frozen=True):
    """Everything about a stand that Micro-Manager's own configuration does not say."""

    name: str = "microscope"
    camera: CameraSettings = CameraSettings()
    stage: StageSettings = StageSettings()
    focus: FocusSettings = FocusSettings()
    limits: LimitSettings = LimitSettings()
