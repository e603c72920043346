"""How the picture has answered to small moves, without any hypothesis."""

import numpy as np

from ...models.arrays import Floats
from .hypotheses import Hypothesis

_DIFFERENCE = 0.3
"""How far what was seen may be from a fault that explains it, over the length of the moves. Chosen:
a camera that is turned by 30 degrees is 0.5 from one that is not."""
_ERRORS = 60.0
"""And over the square of the error of a displacement. Chosen: three times what chi² with four
degrees of freedom exceeds once in a thousand times, as errors are not Gaussian."""


class Answers:
    """How the picture moves when it should move, and by itself, by least squares.

    A displacement is taken for a linear function of the one that the calibration expects and of the
    time that has passed, in which the target moves steadily.
    """

    def __init__(self) -> None:
        self._squares = np.zeros((3, 3))
        self._products = np.zeros((2, 3))
        self._seen = 0.0

    def add(self, wanted_px: Floats, seen_px: Floats, apart_s: float) -> None:
        """Take in the displacement (2,) from a frame to the next, and the one that was wanted."""
        causes = np.array([*wanted_px, apart_s])
        self._squares += np.outer(causes, causes)
        self._products += np.outer(seen_px, causes)
        self._seen += float(seen_px @ seen_px)

    def contradict(self, fault: Hypothesis, error_px: float) -> bool:
        """Whether the picture moves in another way than a fault says.

        That is so if a fault leaves more unexplained than the best linear function does.

        Parameters
        ----------
        fault : Hypothesis
        error_px : float
            Of a displacement.
        """
        fit = self._products @ np.linalg.pinv(self._squares)
        velocity = self._products[:, 2] - fault.shows @ self._squares[:2, 2]
        as_said = np.column_stack([fault.shows, velocity / max(self._squares[2, 2], 1e-9)])
        unexplained = self._unexplained(as_said) - self._unexplained(fit)
        moves = self._squares[0, 0] + self._squares[1, 1]
        return unexplained > max(_DIFFERENCE**2 * moves, _ERRORS * error_px**2)

    def _unexplained(self, answer: Floats) -> float:
        """Sum of the squares of what a linear function, (2, 3), does not explain."""
        explained = (answer @ self._squares * answer).sum() - 2 * (answer * self._products).sum()
        return self._seen + float(explained)
