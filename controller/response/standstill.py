"""Whether a target stands still in the picture though the stage goes on."""

import numpy as np

from ...models.arrays import Floats

_FAR = 0.25
"""Way of the stage, in sides of the field, over which a target may stand still. Chosen: what moves
by itself has left its place by then."""
_STILL_PX, _STILL, _MOST = 2.0, 0.1, 0.03
"""Motion in the picture that counts as none: in pixels, as a share of the way of the stage, and at
most in sides of the field. Chosen: more than detections err by, and than targets move by
themselves while a stage runs away."""
_NUDGE = 0.08
"""How far a move leads aside, in sides of the field. Chosen: over twice what counts as none."""
_PATIENCE = 4
"""Frames in which a nudge must be seen. Chosen: more than stages are late."""


class Standstill:
    """Remembers since where the target has been at its place in the picture.

    It stays there if the stage slips, but as well if a stage lags behind a steady target. So the
    stage is nudged aside: a target that it follows leaves its place then.

    Parameters
    ----------
    side_px : float
        Shorter side of the field.
    """

    def __init__(self, side_px: float) -> None:
        self._side_px = side_px
        self._target_px: Floats | None = None
        self._stage_px = np.zeros(2)
        self._suspected, self._nudges = False, 0

    def forget(self) -> None:
        """Begin anew: it is where it should be."""
        self._target_px, self._suspected, self._nudges = None, False, 0

    def see(self, target_px: Floats, stage_px: Floats) -> None:
        """Take in where the target is in the picture, (2,), and where the stage is, in pixels."""
        if self._target_px is None:
            self._target_px, self._stage_px = target_px, stage_px
        went_px = float(np.hypot(*(stage_px - self._stage_px)))
        still_px = max(_STILL_PX, min(_STILL * went_px, _MOST * self._side_px))
        if np.hypot(*(target_px - self._target_px)) > still_px:
            self.forget()
        self._suspected = self._target_px is not None and went_px > _FAR * self._side_px

    @property
    def lasts(self) -> bool:
        """Whether it stands still in spite of nudges."""
        return self._nudges > _PATIENCE

    def nudge_px(self, way_px: Floats) -> Floats:
        """By how much a way leads aside, (2,): nothing as long as there is no suspicion."""
        length_px = float(np.hypot(*way_px))
        if not self._suspected or not length_px:
            return np.zeros(2)
        self._nudges += 1
        return _NUDGE * self._side_px / length_px * np.array((-way_px[1], way_px[0]))
