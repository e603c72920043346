"""What can be said about focus: its settings, its states, what it measures."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from ...drivers.settings import Settings

Positive = Annotated[float, Meta(gt=0, le=1e6)]


class FocusingSettings(Settings, frozen=True):
    """How the target is kept in focus.

    Attributes
    ----------
    method : {"off", "sweep", "dither", "learned", "hardware"}
        How the focus is found. ``sweep`` passes the focal plane through the target when its
        focus has become uncertain; ``dither`` swings it a little around the target all the
        time; ``learned`` tells the defocus from each image, which needs an astigmatic lens;
        with ``hardware`` the microscope's own autofocus is in charge. With that and with
        ``off`` the drive is left alone.
    na : float
        Numerical aperture of the objective.
    wavelength_um : float
        Wavelength of the light that is detected.
    index : float
        Refractive index of the immersion.

    Other Parameters
    ----------------
    astigmatism_um : float
        Distance between the planes in which rows and columns are sharpest.
    light_share : float
        Most of the light, from 0 to 1, that is given up to focusing; only the first three sweeps
        for a target that is new or lost may exceed it.
    sweep_um : float, optional
        How far a sweep goes to either side; two depths of field if not given.
    sweep_steps : int
        Exposures in a sweep.
    max_step_um : float
        Farthest that the focal plane moves at once.
    weights : str
        Network of the learned method: a shipped name or an ONNX file.
    """

    method: Literal["off", "sweep", "dither", "learned", "hardware"] = "off"
    na: Positive = 0.5
    wavelength_um: Positive = 0.52
    index: Positive = 1.0
    astigmatism_um: Annotated[float, Meta(ge=-1e6, le=1e6)] = 0.0
    light_share: Annotated[float, Meta(gt=0, le=1)] = 0.1
    sweep_um: Positive | None = None
    sweep_steps: Annotated[int, Meta(ge=5, le=1000)] = 9
    max_step_um: Positive = 10.0
    weights: str = "defocus"

    def __post_init__(self) -> None:
        if self.na >= self.index:
            raise ValueError(f"na {self.na:g} must be less than the index {self.index:g}")


class FocusState(StrEnum):
    """What is being done about the focus."""

    OFF = "off"
    """The focus drive is left alone."""
    HARDWARE = "hardware"
    """The microscope's own autofocus is in charge."""
    WAITING = "waiting"
    """No target."""
    SWEEPING = "sweeping"
    """The focal plane passes through the target."""
    HOLDING = "holding"
    """The focal plane follows the prediction until a sweep is due."""
    DITHERING = "dithering"
    """The focal plane swings around the target."""
    WATCHING = "watching"
    """The defocus is estimated from each image."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Where the target lies in stage z, and the standard deviation of that."""

    z_um: float
    sigma_um: float
