"""A move: what a controller asks of the stage."""

from __future__ import annotations

import math

from .message import Message


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
        """Whether every given number is finite."""
        given = (self.x_um, self.y_um, self.z_um, *(self.velocity_um_s or ()))
        return all(v is None or math.isfinite(v) for v in given)
