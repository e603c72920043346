"""What travels between the rooms and over the wire: frozen, typed, units in the names."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

SCHEMA = 1
"""Version of every message on the wire; another version is refused with a reason."""

Image = NDArray[np.uint8] | NDArray[np.uint16]
"""A camera image: (H, W), uint8 or uint16."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all messages: immutable, slotted, unknown fields refused."""


class StagePose(Message, frozen=True):
    """Where the stage was at one instant.

    Attributes
    ----------
    x_um, y_um, z_um : float
        Stage coordinates in µm; z is the focus drive.
    at_ns : int
        The instant, on the clock of the microscope's host.
    sigma_um : float
        Standard deviation of x and y: how sure the pose model is.
    """

    x_um: float
    y_um: float
    z_um: float
    at_ns: int
    sigma_um: float = 0.0


class Frame(msgspec.Struct, frozen=True):
    """One exposure and all that is known about it.

    Attributes
    ----------
    image : (H, W) uint8 or uint16
        Pixels, row 0 at the top.
    index : int
        Counts every exposure of the camera since streaming began, from 0.
    exposed_ns : int
        Middle of the exposure.
    readable_ns : int
        When the pixels had arrived in the memory of the microscope's host.
    exposure_ms : float
        Length of the exposure.
    pose : StagePose
        Stage pose in the mean over the exposure.
    channel : str
        Name of the channel, empty if there is only one.
    arrived_ns : int
        When this process learned of it; 0 if the microscope runs in this process.
    truth_um : (x, y, z) or None
        How far from the middle of the field and from the focal plane the target truly was,
        in stage directions. Only a simulated camera knows.
    """

    image: Image
    index: int
    exposed_ns: int
    readable_ns: int
    exposure_ms: float
    pose: StagePose
    channel: str = ""
    truth_um: tuple[float, float, float] | None = None
    arrived_ns: int = 0

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or self.image.dtype not in (np.uint8, np.uint16):
            raise ValueError(
                "a frame needs one channel of uint8 or uint16, "
                f"got {self.image.dtype} of shape {self.image.shape}"
            )


class Move(Message, frozen=True):
    """Go to a position, or keep a velocity; an axis that is None stays as it is.

    Attributes
    ----------
    x_um, y_um, z_um : float or None
        Absolute stage coordinates in µm.
    expires_ns : int
        After this instant the move is dropped instead of carried out, and a velocity ends.
    frame : int
        Index of the frame that the move is based on.
    velocity_um_s : (x, y) or None
        Of the stage, in place of a position in x and y. It ends when it expires, when a second
        has passed, when the stage comes near a limit, and with the next move in x or y.
    """

    x_um: float | None
    y_um: float | None
    z_um: float | None
    expires_ns: int
    frame: int
    velocity_um_s: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.velocity_um_s is not None and not (self.x_um is None and self.y_um is None):
            raise ValueError("a move has a position in x and y or a velocity, not both")

    def is_finite(self) -> bool:
        """Whether every given number is an ordinary one."""
        given = (self.x_um, self.y_um, self.z_um, *(self.velocity_um_s or ()))
        return all(v is None or math.isfinite(v) for v in given)


class Dynamics(Message, frozen=True):
    """How a stage answers a command: the calibrated numbers of the pose model.

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
        Names that ``Frame.channel`` can take.
    takes_velocity : bool
        Whether the XY stage can be given a velocity.
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


class Issued(Message, frozen=True, tag="issued"):
    """A move went to the stage: its photon-to-motion latency ends here.

    Attributes
    ----------
    frame : int
        The frame that the move was based on.
    exposed_ns, received_ns, issued_ns : int
        Middle of that exposure, arrival of the command, hand-over to the stage.
    x_um, y_um, z_um, velocity_um_s : float or None, (x, y) or None
        What was commanded, after limits.
    """

    frame: int
    exposed_ns: int
    received_ns: int
    issued_ns: int
    x_um: float | None
    y_um: float | None
    z_um: float | None
    velocity_um_s: tuple[float, float] | None = None


class Fault(Message, frozen=True, tag="fault"):
    """Something went wrong that a person should know; ``fatal`` if nothing can go on."""

    at_ns: int
    text: str
    fatal: bool = False


class PoseRead(Message, frozen=True, tag="pose"):
    """A position that was read from the stage, as opposed to modelled.

    Attributes
    ----------
    pose : StagePose
    dynamics : Dynamics, optional
        How the XY stage answers commands, if readings have told that otherwise than described.
    """

    pose: StagePose
    dynamics: Dynamics | None = None


Report = Issued | Fault | PoseRead
"""What a microscope tells about itself, besides frames."""


def pack(message: Any) -> bytes:
    """Encode a message as msgpack."""
    return _encoder.encode(message)


_encoder = msgspec.msgpack.Encoder()
