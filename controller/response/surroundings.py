"""What everything but the target tells of how the picture answers, where frames are far apart."""

import cv2
import numpy as np

from ...models.arrays import FloatImage, Floats, Image
from ...models.images import Reference
from .displacement_errors import GAIN_ERROR, log_likelihoods
from .hypotheses import RIGHT
from .others import Seen, log_likelihoods_of_others
from .pose_history import REST_PX, PoseHistory
from .sums import STAYS

_SIGMA = 0.02
"""How far other objects, and so most of the picture, move by themselves from frame to frame, at
least, in sides of the field. Chosen: half of what the fastest targets go."""
_TELLING = 2.0
"""Length of a move in such distances from which the picture is compared. Chosen."""
_FIXED = 0.25
"""Share of the move that is expected below which the picture's own shift tells nothing: uneven
light and dust on the camera stay, whatever the specimen does. Chosen: half of the least shift that
a hypothesis knows."""
_MOST = 3.0
"""Nats that one picture may tell. Chosen: no two decide."""
_CLEAR = 1.0
"""By how many nats a picture must speak for the calibration to be taken for an answer. Chosen."""
_COARSE = 4
"""Share of the shorter side over which the light is taken for even. Chosen: larger than objects."""
_FADING = 0.2
"""Share that is forgotten, from one picture of a resting stage to the next, of how far the rest of
it moved by itself. Chosen: objects slow down, and come and go."""
_HIDDEN = 0.7
"""Radius, in sizes, of what is left out around the target: the half diagonal of its box."""


class Surroundings:
    """Compares other objects, and the rest of the picture, with those of the frame before.

    The target is left out of the picture, so that what is left is another witness: the specimen
    around it, however little of it is detected.

    Attributes
    ----------
    moved : bool
        Whether the rest of the picture moved with the stage since the frame before: then what stays
        where it was is on the camera, and does not move by itself.
    answered : bool
        Whether it moved as the calibration says.
    """

    def __init__(self, middle_px: Floats) -> None:
        self._middle_px = middle_px
        self._side_px = 2 * float(middle_px.min()) + 1
        self._last: Seen | None = None
        self._picture: Reference | None = None
        self._own_px = 0.0
        self.moved = self.answered = False

    def forget(self) -> None:
        """Compare nothing with the next frame."""
        self._last = self._picture = None
        self.moved = self.answered = False

    def compare(
        self, seen: Seen, image: Image, poses: PoseHistory, usual_px: float
    ) -> list[Floats]:
        """Log likelihoods of hypotheses, each (H,), from a frame and the one before it.

        Parameters
        ----------
        seen : Seen
            The objects of the frame, and the target.
        image : (H, W)
        poses : PoseHistory
            Where the stage was.
        usual_px : float
            Error of the displacements of the target: others are of its kind.
        """
        last, self._last = self._last, seen
        rest = before = None
        if seen.target_px is not None:
            rest = _rest(image, seen.target_px, _HIDDEN * seen.size_px)
            before = self._picture
        self._picture = None if rest is None else Reference(rest)
        self.moved = self.answered = False
        if last is None:
            return []
        shifts_px = poses.shifts_px(last.at_ns, seen.at_ns)
        if np.abs(shifts_px).max() < REST_PX:
            self._learn_own(before, rest)
            return []
        sigma_px = max(_SIGMA * self._side_px, self._own_px)
        told = [
            log_likelihoods_of_others(last, seen.places_px, shifts_px, self._middle_px, sigma_px),
            self._of_picture(before, rest, shifts_px, max(sigma_px, usual_px)),
        ]
        known = [each for each in told if each is not None]
        for each in known:
            each[STAYS] = each.max()
        return known

    def _learn_own(self, before: Reference | None, rest: FloatImage | None) -> None:
        """Learn from two pictures of a resting stage how far the rest of it moves by itself."""
        if before is None or rest is None:
            return
        shift = before.shift(rest)
        if shift.found:
            self._own_px = max(float(np.hypot(*shift.px)), (1 - _FADING) * self._own_px)

    def _of_picture(
        self,
        before: Reference | None,
        rest: FloatImage | None,
        shifts_px: Floats,
        sigma_px: float,
    ) -> Floats | None:
        """What the shift of the rest of the picture tells; None if nothing."""
        expected_px = float(np.hypot(*shifts_px[0]))
        if before is None or rest is None or expected_px < _TELLING * sigma_px:
            return None
        shift = before.shift(rest)
        if not shift.found or np.hypot(*shift.px) < _FIXED * expected_px:
            return None
        misses_px = np.hypot(*(shift.px - shifts_px).T)
        errors_px = np.hypot(sigma_px, GAIN_ERROR * np.hypot(*shifts_px.T))
        told = log_likelihoods(misses_px, errors_px, 2 * errors_px, self._side_px**-2)
        self.moved = True
        self.answered = told[: len(RIGHT)].max() - told[len(RIGHT) :].max() > _CLEAR
        return np.maximum(told - told.max(), -_MOST)


def _rest(image: Image, target_px: Floats, radius_px: float) -> FloatImage:
    """A picture without the target, (H, W), less the mean over its surroundings: uneven light."""
    shown = np.ones(image.shape, np.float32)
    x, y = np.round(target_px).astype(int).tolist()
    cv2.circle(shown, (x, y), int(radius_px), 0.0, -1)
    across = (min(image.shape) // _COARSE | 1,) * 2
    grey = shown * image
    share = cv2.boxFilter(shown, cv2.CV_32F, across, borderType=cv2.BORDER_REFLECT)
    mean = cv2.boxFilter(grey, cv2.CV_32F, across, borderType=cv2.BORDER_REFLECT)
    mean /= np.maximum(share, 1 / float(np.prod(across)))
    return np.asarray(grey - shown * mean, np.float32)
