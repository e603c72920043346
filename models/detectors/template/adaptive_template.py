"""Template of a followed object: its first appearance and a running mean, turned and scaled."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import FloatImage
from .correlation import fisher_z

_FIRST_SHARE = 0.5
"""Most of the first appearance in the template. Chosen: alone it is soon outdated, without it the
template drifts off."""

_ALIKE_POWER = 2
"""How the share of the first appearance falls with its correlation to what is seen. Chosen: what
has changed its look for good is then followed by its new one."""

_ROOM = 1.45
"""Reach of what is kept over that of the template: the half diagonal of a square, to turn it."""

_TURNS = math.radians(12), math.radians(4)
"""Steps by which a turn is sought, one after the other. Chosen: textures still correlate after the
first, and hardly less than before after the second."""

_MOST_TURNS = 3
"""Steps in one direction, from one image to the next."""

_GROWTH = 1.02
"""Step of the size from one image to the next. Chosen: cells grow less; larger steps take up the
background sooner."""

_TURN_GAIN = 0.002
"""Correlation that a turn must gain. Chosen: a round spot does not turn with its noise."""

_GAIN = 0.01
"""Correlation with the first appearance that a growth must gain. Chosen: more than noise makes; a
tenth of a size gains several times as much."""

_MOST_GROWTH = 1.5
"""Greatest factor between the size now and at first. Chosen: a little more than a cell grows from
one division to the next."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How an object has turned, in rad, and grown, as a factor, since it was first seen."""

    turn: float = 0.0
    growth: float = 1.0

    def turned(self, by: float) -> Pose:
        """Turned further."""
        return replace(self, turn=self.turn + by)

    def grown(self, by: float) -> Pose:
        """Larger by a factor, within what is believed."""
        return replace(self, growth=min(max(self.growth * by, 1 / _MOST_GROWTH), _MOST_GROWTH))


class AdaptiveTemplate:
    """A square template that learns and turns, and is held back from drifting off its object.

    Up to half of it is the first appearance for ever: the mean of later ones alone would take up
    every small error of a position, and drift off (Matthews, Ishikawa and Baker 2004, IEEE Trans
    Pattern Anal Mach Intell 26:810). Level and contrast do not count.

    Parameters
    ----------
    image : (H, W) float32
    at : tuple of float
        x and y of the object.
    reach : int
        The template spans ``2 * reach + 1`` pixels. Beyond the border the image's edge is
        repeated.

    Attributes
    ----------
    pose : Pose
        Of the object now.
    pixels : (2 * reach + 1, 2 * reach + 1) float32
        As the object should look now, with zero mean and unit norm.
    lobe_px : int
        Area over which it correlates with itself: of one independent place.
    chance_variance : float
        Of its correlation with something else of the same texture: the sum of squares of its
        autocorrelation over its number of pixels (Bartlett 1935, J R Stat Soc 98:536).
    """

    def __init__(self, image: FloatImage, at: tuple[float, float], reach: int) -> None:
        self._reach, self._room = reach, int(np.ceil(_ROOM * reach))
        self.pose = Pose()
        self._first = self._mean = self._kept = _normalised(self._sampled(image, at, self._room))
        self.pixels = _normalised(self._sampled(image, at, reach))
        itself = cv2.matchTemplate(np.pad(self.pixels, 2 * reach), self.pixels, cv2.TM_CCORR)
        self.lobe_px = max(1, int(np.count_nonzero(itself > 0.5)))
        self.chance_variance = float(np.vdot(itself, itself)) / self.pixels.size
        self._first_share = _FIRST_SHARE

    def posed(self, pose: Pose, look: FloatImage | None = None) -> FloatImage:
        """As the object would look in a pose, now or with another look, as ``pixels``."""
        cos, sin = math.cos(pose.turn) / pose.growth, math.sin(pose.turn) / pose.growth
        turn = np.array([[cos, sin], [-sin, cos]])
        corner = np.full(2, self._room) - turn @ np.full(2, self._reach)
        seen = cv2.warpAffine(
            self._kept if look is None else look,
            np.column_stack([turn, corner]),
            self.pixels.shape,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return _normalised(seen)

    def z_at(self, image: FloatImage, at: tuple[float, float]) -> float:
        """Fisher's z of the correlation at a sub-pixel place, all of it inside the image."""
        seen = _normalised(self._sampled(image, at, self._reach, Pose()))
        return fisher_z(float(np.vdot(self.pixels, seen)))

    def fit(self, image: FloatImage, at: tuple[float, float]) -> tuple[float, Pose]:
        """Find the pose near the last one in which the object looks most like the image.

        Returns the correlation and the pose.
        """
        seen = _normalised(self._sampled(image, at, self._reach, Pose()))
        best, pose = float(np.vdot(self.pixels, seen)), self.pose
        for step in _TURNS:
            start = pose
            for turn in (step, -step):
                there = start
                for _ in range(_MOST_TURNS):
                    there = there.turned(turn)
                    correlation = float(np.vdot(self.posed(there), seen))
                    if correlation <= best + _TURN_GAIN:
                        break
                    best, pose = correlation, there
        usual = float(np.vdot(self.posed(pose, self._first), seen))
        for growth in (_GROWTH, 1 / _GROWTH):
            there = pose.grown(growth)
            if float(np.vdot(self.posed(there, self._first), seen)) > usual + _GAIN:
                return best, there
        return best, pose

    def learn(self, image: FloatImage, at: tuple[float, float], pose: Pose, rate: float) -> None:
        """Take a pose, and blend in what is seen at a sub-pixel place."""
        self.pose = pose
        seen = _normalised(self._sampled(image, at, self._room))
        alike = max(0.0, float(np.vdot(self._first, seen))) ** _ALIKE_POWER
        self._first_share += rate * (_FIRST_SHARE * alike - self._first_share)
        self._mean = _normalised((1 - rate) * self._mean + rate * seen)
        share = self._first_share
        self._kept = _normalised(share * self._first + (1 - share) * self._mean)
        self.pixels = self.posed(pose)

    def _sampled(
        self, image: FloatImage, at: tuple[float, float], reach: int, pose: Pose | None = None
    ) -> FloatImage:
        """What is around a place, turned and scaled back to how it was at first."""
        pose = pose or self.pose
        offsets = np.arange(-reach, reach + 1, dtype=np.float32)
        x, y = np.meshgrid(offsets, offsets)
        cos, sin = pose.growth * math.cos(pose.turn), pose.growth * math.sin(pose.turn)
        columns = (cos * x - sin * y + at[0]).astype(np.float32)
        rows = (sin * x + cos * y + at[1]).astype(np.float32)
        seen = np.empty_like(columns)
        border = cv2.BORDER_REPLICATE
        cv2.remap(image, columns, rows, cv2.INTER_CUBIC, dst=seen, borderMode=border)
        return seen


def _normalised(pixels: NDArray) -> FloatImage:
    """Zero mean and unit norm; zeros if there is no contrast."""
    pixels = pixels - pixels.mean()
    norm = float(np.linalg.norm(pixels))
    return np.divide(pixels, norm or 1.0, dtype=np.float32)
