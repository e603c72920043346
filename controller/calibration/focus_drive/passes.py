"""The focal plane passes through the specimen, up and down, until it is unsharp on either side."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .contrast import IMAGES, IMAGES_AT_REST, Contrast, choose_blur_px, contrast
from .drive import FocusDrive

Floats = NDArray[np.float64]

UNSHARP, TOP = 0.6, 0.65
"""Sharpness over that in focus at which a pass ends; and above which a curve is fitted. Chosen: the
peak is told from half of the curve, and nothing drives farther than needed. Between the two the
drive takes up its backlash."""
_FIRST = 1 / 16
"""First steps in depths of field. Chosen: a tenth of the curve of a point."""
_ANSWER, _MOST = 0.03, 0.15
"""Change of sharpness by a step below which the next one is longer, and by a step at most. Chosen:
less than a tenth of the fall, and less than half."""
_POINTS = 10
"""Points of a curve above `TOP`: chosen, its peak is then told as well as by more."""
_PEAK = 0.8
"""Sharpness over the best that a pass must have seen before it ends."""
_SHARE = 0.8
"""Of the backlash that is passed in longer steps after a reversal: chosen, it is known roughly."""
_ERROR, _MOST_IMAGES = 0.01, 16
"""Relative error of the sharpness that is aimed at, and images for it at most. Chosen."""


class Pass(NamedTuple):
    """One pass of the drive.

    Attributes
    ----------
    direction : {-1, 1}
    at_s, lasted_s : float
        When it was in the middle, and from beginning to end.
    z_um : (N,)
        Positions of the drive.
    sharpness : (N, 2)
        Of rows and columns, over those where the first pass began.
    """

    direction: int
    at_s: float
    lasted_s: float
    z_um: Floats
    sharpness: Floats

    def top(self, part: int) -> slice:
        """Where the curve of rows (0) or columns (1) is above `TOP` of its peak."""
        curve = self.sharpness[:, part]
        first = last = int(curve.argmax())
        while first > 0 and curve[first - 1] > TOP * curve.max():
            first -= 1
        while last < len(curve) - 1 and curve[last + 1] > TOP * curve.max():
            last += 1
        return slice(first, last + 1)

    def span_um(self) -> float:
        """How wide the narrower curve is above `TOP`."""
        tops = [self.z_um[self.top(part)] for part in (0, 1)]
        return min(float(np.ptp(top)) for top in tops)


class Passes:
    """Makes passes, each from where the last one ended.

    Attributes
    ----------
    made : list of Pass
        All but the first, which begins in the middle.
    blur_px : float
        Of the images.
    error : float
        Relative, of a sharpness.
    """

    def __init__(self, drive: FocusDrive) -> None:
        self._drive = drive
        images = drive.images(IMAGES_AT_REST)
        self.blur_px, error = choose_blur_px(images)
        wanted = IMAGES * (error / _ERROR) ** 2
        self.images = min(max(math.ceil(wanted), IMAGES), _MOST_IMAGES)
        self.error = error * math.sqrt(IMAGES / self.images)
        self._begun: Contrast = contrast(images, self.blur_px)
        self._best = np.ones(2)
        self._step_um = min(_FIRST * drive.depth_um, drive.longest_um)
        self._answered, self._steepest = False, 0.0
        self.made: list[Pass] = []

    def explore(self) -> None:
        """Find either side of the specimen, in tiny steps until the image answers.

        Raises
        ------
        NotCalibratedError
            If the image is as sharp everywhere within the bounds.
        """
        up = 1 if self._drive.room_um(1) >= self._drive.room_um(-1) else -1
        self._pass(up, adaptive=True)
        for direction in (-up, up):
            self.made.append(self._pass(direction, adaptive=True))

    def again(self) -> None:
        """Make the next pass, in steps that suit the curve, back from where the last one ended."""
        last = self.made[-1]
        spans = [each.span_um() for each in self.made[-2:]]
        self._step_um = min(max(min(spans), 1e-3) / _POINTS, self._drive.longest_um)
        self._skip_um(-last.direction)
        self.made.append(self._pass(-last.direction, adaptive=False))

    def sharpness(self) -> Floats:
        """Return the sharpness of rows and columns where the drive stands, (2,)."""
        found = contrast(self._drive.images(self.images), self.blur_px).sharpness(
            self._begun, self.error
        )
        self._best = np.maximum(self._best, found)
        return found

    def _skip_um(self, direction: int) -> None:
        """Pass most of the backlash, where the specimen does not move."""
        down, up = (_last_peak_um(self.made, way) for way in (-1, 1))
        slack_um = _SHARE * (up - down) - 2 * self._step_um
        if slack_um > 0:
            self._drive.go(self._drive.at_um + direction * slack_um)

    def _pass(self, direction: int, *, adaptive: bool) -> Pass:
        begin_s, step_um = self._drive.probe.elapsed_s, self._step_um
        z_um, seen = [self._drive.at_um], [self.sharpness()]
        while not self._passed(np.array(seen)):
            self._drive.go(self._drive.at_um + direction * step_um)
            z_um.append(self._drive.at_um)
            seen.append(self.sharpness())
            if adaptive:
                step_um = self._next_um(step_um, np.array(seen))
        end_s = self._drive.probe.elapsed_s
        about_s = (begin_s + end_s) / 2, end_s - begin_s
        return Pass(direction, *about_s, np.array(z_um), np.array(seen))

    def _next_um(self, step_um: float, seen: Floats) -> float:
        """Return the next step: longer only once the image has answered, and little to this one.

        Nor so long that it could change much, as it might where the backlash ends.
        """
        change = float(np.abs(np.diff(seen[-2:], axis=0) / self._best).max())
        answer = float(np.abs((seen[-1] - seen[0]) / self._best).max())
        self._answered |= answer > max(3 * _ANSWER, 8 * self.error)
        if change > 8 * self.error:
            self._steepest = max(self._steepest, change / step_um)
        if self._answered and change < _ANSWER:
            step_um *= 2
        most_um = _MOST / self._steepest if self._steepest else step_um
        return min(step_um, max(most_um, self._step_um), self._drive.longest_um)

    def _passed(self, seen: Floats) -> bool:
        """Whether rows and columns were sharp in this pass and are not any more."""
        share = seen / self._best
        return bool((share.max(axis=0) > _PEAK).all() and (share[-1] < UNSHARP).all())


def _last_peak_um(passes: list[Pass], direction: int) -> float:
    last = next(each for each in reversed(passes) if each.direction == direction)
    return float(last.z_um[last.sharpness.sum(axis=1).argmax()])
