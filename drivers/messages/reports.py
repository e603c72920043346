"""Reports: what a microscope tells besides frames."""

from __future__ import annotations

from .description import Dynamics
from .frame import StagePose
from .message import Message


class Issued(Message, frozen=True, tag="issued"):
    """A move went to the stage: its photon-to-motion latency ends here.

    Attributes
    ----------
    frame : int
        Index of the frame that the move was based on.
    exposed_ns, received_ns, issued_ns : int
        Middle of that exposure (0 if it is not known any more), arrival of the command,
        hand-over to the stage.
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
        How the XY stage answers commands, if readings differ from the description.
    drive_um : (x, y), optional
        What the XY stage said.
    taken_over : bool
        Whether the XY stage is moved by others, as by a hand on the joystick: no move is made.
    """

    pose: StagePose
    dynamics: Dynamics | None = None
    drive_um: tuple[float, float] | None = None
    taken_over: bool = False


class Truth(Message, frozen=True, tag="truth"):
    """Where the target of a simulated microscope truly was; for scoring, not for following.

    Attributes
    ----------
    frame : int
        Index of the frame, of a stream.
    x_um, y_um, z_um : float
        Offset from the middle of the field and from the focal plane, in stage directions.
    """

    frame: int
    x_um: float
    y_um: float
    z_um: float


Report = Issued | Fault | PoseRead | Truth
"""What a microscope tells besides frames."""
