"""Whether a target stands still in the picture though the stage goes on."""

import numpy as np

from ...models.arrays import Floats

_FAR = 0.25
"""Way of the stage, in sides of the field, over which a target may stand still. Chosen: what moves
by itself has left its place by then."""
_STILL_PX, _STILL = 2.0, 0.1
"""Motion in the picture that counts as none: in pixels, and as a share of the way of the stage.
Chosen: more than detections err by, and than targets move by themselves while a stage runs away."""
_NUDGE, _SEEN = 0.08, 0.5
"""How far moves lead aside, in sides of the field, and the share of it by which the target must
leave its place. Chosen: more than it moves aside by itself."""
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
        self.forget()

    def forget(self) -> None:
        """Begin anew: it is where it should be."""
        self._target_px: Floats | None = None
        self._stage_px = np.zeros(2)
        self._aside: Floats | None = None
        self._suspected, self._nudges = False, 0

    def see(self, target_px: Floats, stage_px: Floats) -> None:
        """Take in where the target is in the picture, (2,), and where the stage is, in pixels."""
        if self._target_px is None:
            self._target_px, self._stage_px = target_px, stage_px
        left_px = target_px - self._target_px
        if self._aside is not None:
            answered = -float(left_px @ self._aside) > _SEEN * _NUDGE * self._side_px
            if answered:
                self.forget()
            return
        went_px = float(np.hypot(*(stage_px - self._stage_px)))
        if np.hypot(*left_px) > max(_STILL_PX, _STILL * went_px):
            self.forget()
        elif went_px > _FAR * self._side_px:
            self._suspected, self._target_px = True, target_px

    @property
    def lasts(self) -> bool:
        """Whether it stands still in spite of nudges."""
        return self._nudges > _PATIENCE

    def nudge_px(self, way_px: Floats) -> Floats:
        """By how much a way leads aside, (2,): nothing as long as there is no suspicion."""
        length_px = float(np.hypot(*way_px))
        if not self._suspected or not length_px:
            return np.zeros(2)
        if self._aside is None:
            self._aside = np.array((-way_px[1], way_px[0])) / length_px
        self._nudges += 1
        return _NUDGE * self._side_px * self._aside
