"""Sums of log likelihoods of what may be right or wrong."""

import numpy as np

from ...models.arrays import Floats
from .hypotheses import RIGHT, WRONG, Hypothesis

_MOST_PER_FRAME = 4.0
"""Nats that one frame may tell against a hypothesis. Chosen: no single picture decides, whatever
is in it."""
_FLOORS = -26.0, -8.0
"""Least sums of a right and of a wrong calibration, relative to the most likely. Chosen: a little
more than what refutes and what proves, so that a change is found out soon."""
SHAKEN = 0.0
"""Lead below which what was proven has to prove itself again if the target is lost. Chosen: a fault
is then as likely as none."""
ALL = (*RIGHT, *WRONG)
"""H of them."""
_FLOOR = np.repeat(_FLOORS, (len(RIGHT), len(WRONG)))
_IS_LAZY = np.array([each.is_lazy for each in ALL])
STAYS = np.array([each.stays for each in ALL])
"""Which of them say that the picture does not move, (H,) bool."""


class Sums:
    """Sums of log likelihoods, bounded relative to the most likely.

    Attributes
    ----------
    nats : (H,) float64
    """

    def __init__(self) -> None:
        self.nats: Floats = np.zeros(len(ALL))

    @property
    def lead(self) -> float:
        """By how many nats the calibration leads over what is the most likely fault."""
        return float(self.nats[: len(RIGHT)].max() - self.nats[len(RIGHT) :].max())

    @property
    def best(self) -> int:
        """Which is the most likely."""
        return int(self.nats.argmax())

    @property
    def likeliest(self) -> Hypothesis:
        """The most likely."""
        return ALL[self.best]

    def add(self, told: Floats, memory: float, trusted: bool) -> None:
        """Add the log likelihoods (H,) of a frame, keeping a share of what was; see `Evidence`."""
        nats = memory * self.nats + np.maximum(told - told.max(), -_MOST_PER_FRAME)
        if trusted:
            nats[_IS_LAZY] = _FLOORS[-1]
        self.nats = np.maximum(nats - nats.max(), _FLOOR)
