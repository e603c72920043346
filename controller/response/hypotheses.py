"""What may be wrong with a calibration: how the picture answers instead."""

import math
from typing import NamedTuple

import numpy as np

from ...models.arrays import Floats


class Hypothesis(NamedTuple):
    """One way in which the picture may answer to the stage.

    Attributes
    ----------
    name : str
        What is wrong with the calibration, for a sentence; empty if it is right.
    shows : (2, 2) float64
        Turns the shift of the picture that the calibration expects into the one that is seen, in
        pixels (right, down).
    lag_s : float
        By how much later than modelled the stage may move.
    lag_frames : float
        And by how many frames.
    """

    name: str
    shows: Floats
    lag_s: float = 0.0
    lag_frames: float = 0.0

    @property
    def factor(self) -> float:
        """By what the shift of the picture is multiplied, in the right direction; NaN if turned."""
        factor = float(self.shows[0, 0])
        return factor if np.all(self.shows == factor * np.eye(2)) else math.nan

    @property
    def is_lazy(self) -> bool:
        """Whether the picture moves less than it should, in the same direction.

        That looks like a target that runs along with the stage, as one that is followed does:
        only moves that do not follow anything tell it.
        """
        return 0 <= self.factor < 1

    @property
    def is_scale(self) -> bool:
        """Whether the picture moves too far or not far enough, in the right direction."""
        return self.factor > 0

    @property
    def stays(self) -> bool:
        """Whether the picture does not move at all: no affine would be right."""
        return self.factor == 0

    def affine(self, given: Floats) -> Floats | None:
        """The affine that would be right, (2, 2), if this is so; None if none can be."""
        if self.stays:
            return None
        return given @ np.linalg.inv(self.shows)

    def explain(self, given: Floats, contradicted: bool) -> str:
        """Say what is wrong with the affine that was given, (2, 2), and what to do.

        ``contradicted`` says that this is the most likely of all hypotheses, and not right either.
        """
        right = self.affine(given)
        if right is None:
            return (
                "What is followed stays at its place in the picture while the stage's readings "
                "move: it is a speck on the camera, or the stage slips (the motor turns, what it "
                "carries does not)."
            )
        if contradicted:
            return (
                "The picture does not move as the stage does: camera.affine is wrong. In which "
                "way, these few moves do not tell: run `pursuit calibrate`."
            )
        numbers = ", ".join(f"{number:.4g}" for number in right.ravel())
        return (
            f"The picture does not move as the stage does: camera.affine seems to be {self.name}. "
            f"Then affine = [{numbers}] under [camera] is right; `pursuit calibrate` makes sure."
        )


_LAGS_S = (0.03, 0.06, 0.1)
"""Lags of the stage that are no fault of the affine: up to a slow one of which nobody has told.
Chosen."""
RIGHT = (
    *(Hypothesis("", np.eye(2), lag_frames=frames) for frames in (0, -1, 1)),
    *(Hypothesis("", np.eye(2), lag_s) for lag_s in _LAGS_S),
)
"""The calibration is right, whatever the stage's delay is, and whenever in its interval the camera
takes the picture."""


def _wrong(name: str, a: float, b: float, c: float, d: float) -> Hypothesis:
    return Hypothesis(name, np.array([[a, b], [c, d]]))


WRONG = (
    _wrong("mirrored from left to right", -1, 0, 0, 1),
    _wrong("mirrored from top to bottom", 1, 0, 0, -1),
    _wrong("turned by 180°", -1, 0, 0, -1),
    _wrong("turned by 90°", 0, 1, -1, 0),
    _wrong("turned by 270°", 0, -1, 1, 0),
    _wrong("wrong in that its axes are exchanged", 0, 1, 1, 0),
    _wrong("wrong in that its axes are exchanged and mirrored", 0, -1, -1, 0),
    _wrong("too large by a factor of 2", 2, 0, 0, 2),
    _wrong("too small by a factor of 2", 0.5, 0, 0, 0.5),
    _wrong("without effect on the picture", 0, 0, 0, 0),
)
"""What people get wrong: the orientation of the camera, its binning or the objective; and a
picture that is repeated, a stage that slips, or a speck on the camera."""
