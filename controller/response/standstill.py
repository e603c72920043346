"""How far the stage goes while a target stands still in the picture."""

import numpy as np

from ...models.arrays import Floats

_STILL_PX = 2.0
"""Motion in the picture that counts as none. Chosen: more than detections err by."""


class Standstill:
    """Remembers since where the target has been at its place in the picture."""

    def __init__(self) -> None:
        self._target_px: Floats | None = None
        self._stage_px = np.zeros(2)

    def see(self, target_px: Floats | None, stage_px: Floats) -> float:
        """Return how far the stage has gone, in pixels, since the target came to its place.

        Parameters
        ----------
        target_px : (2,) or None
            Where it is in the picture, if it is seen.
        stage_px : (2,)
            Where the stage is, in pixels.
        """
        if target_px is None:
            return 0.0
        if self._target_px is None or np.hypot(*(target_px - self._target_px)) > _STILL_PX:
            self._target_px, self._stage_px = target_px, stage_px
        return float(np.hypot(*(stage_px - self._stage_px)))
