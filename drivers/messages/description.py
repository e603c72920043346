"""A description: what a controller has to know about a microscope."""

from __future__ import annotations

import math

from .message import Message
from .restrictions import Restrictions


class Dynamics(Message, frozen=True):
    """How a stage answers a command: the parameters of the pose model.

    Attributes
    ----------
    delay_ms : float
        Time from the command's arrival at the controller to the first motion.
    speed_um_s : float
        Greatest speed of an axis.
    acceleration_um_s2 : float
        Acceleration and deceleration of an axis.
    settle_ms : float
        Time from the end of a move until the stage is still.
    backlash_um : float
        How far the drive goes at a reversal before what it carries follows. Moves are lengthened
        by it, and poses tell where the specimen is rather than the drive.

    Other Parameters
    ----------------
    ring_hz : float
        Frequency at which what the drive carries rings after a move; 0 if it does not.
    ring_damping : float
        Damping ratio of that, between 0 and 1; must be given with ``ring_hz``.
    """

    delay_ms: float = 5.0
    speed_um_s: float = 5_000.0
    acceleration_um_s2: float = 100_000.0
    settle_ms: float = 5.0
    backlash_um: float = 0.0
    ring_hz: float = 0.0
    ring_damping: float = 0.0

    def __post_init__(self) -> None:
        for name in ("speed_um_s", "acceleration_um_s2"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be a positive number")
        for name in ("delay_ms", "settle_ms", "backlash_um", "ring_hz"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be zero or a positive number")
        if not (0 < self.ring_damping < 1 or self.ring_hz == self.ring_damping == 0.0):
            raise ValueError("ring_damping must be more than 0 and less than 1 if ring_hz is given")


class Description(Message, frozen=True):
    """What a microscope is, as far as a controller has to know.

    Attributes
    ----------
    name : str
        For people: the configuration or scenario.
    camera, xy_stage, focus : str
        Device labels; an empty focus means that there is no focus drive.
    width_px, height_px : int
        Size of a frame.
    dtype : str
        ``"uint8"`` or ``"uint16"``.
    pixel_um : float
        Edge of a pixel in the specimen.
    affine : (a, b, c, d)
        Pixel offset (right, down) to stage offset in µm:
        ``dx = a * right + b * down``, ``dy = c * right + d * down``.
        A target at that offset is centred by moving the stage by (dx, dy).
    exposure_ms, interval_ms : float
        Exposure, and time from one exposure to the next.
    dynamics : Dynamics
        The XY stage.
    limits_um : ((x0, x1), (y0, y1), (z0, z1))
        The box that no move may leave.
    channels : tuple of str
        Presets of the channel group: what an acquisition can ask for.
    takes_velocity : bool
        Whether the XY stage can be given a velocity.
    restrictions : Restrictions
        What a move must obey beside that box.
    uncalibrated : str
        Why the affine is no calibration but a guess, for people; empty if it is one.
    """

    name: str
    camera: str
    xy_stage: str
    focus: str
    width_px: int
    height_px: int
    dtype: str
    pixel_um: float
    affine: tuple[float, float, float, float]
    exposure_ms: float
    interval_ms: float
    dynamics: Dynamics
    limits_um: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    channels: tuple[str, ...] = ()
    takes_velocity: bool = False
    restrictions: Restrictions = Restrictions()
    uncalibrated: str = ""
