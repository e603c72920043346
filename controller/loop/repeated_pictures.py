"""Repeated pictures: the same again, pixel by pixel, where no live camera could deliver it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Frame, Image, StagePose

_GLANCE = 31
"""Every so many pixels are compared first. Chosen: in a live picture one of them differs."""
_TILES = 4
"""Parts of a side of the picture, in each of which the noise of a camera shows. Chosen: what moves
in a picture without noise is not in all of them."""
_LEAST_CHANGES = 10
"""Pixels of a tile that differ by noise. Chosen: in all tiles they stay the same by chance once in
e^160 pictures."""
_RESTS_PX, _PROOFS = 0.1, 3
"""How far a stage that rests has moved, and pictures of it in a row that must show noise. Chosen:
the picture of a moving stage differs without noise."""
_MOVED_PX, _SIGMAS = 2.0, 3.0
"""How far the stage moves while a picture with a target in it cannot stay the same, and
standard deviations of its pose beside that. Chosen: more than any interpolation hides."""
_LATE = 3
"""Pictures of a camera without noise after a new one, in which the stage may be going on to where
that was taken. Chosen: exposures and stage are known in time to that many frames."""
_FEW = 512
"""Pixels along a side of a picture that are enough to see whether there is noise, or anything at
all. Chosen: as many as a small camera has."""
_BLANK = 1e-3
"""Share of pixels that differ in a picture of nothing: of darkness or saturation, with the hot
pixels of a camera. Chosen."""


class RepeatedPictures:
    """Tells pictures that are repeated from those that are the same as there is nothing new.

    Two pictures of a camera with noise are never the same. Of a camera without (which delivers the
    same one twice before it has shown any) they are while nothing moves; not while the stage moves
    and a target is seen. A picture of nothing, dark or saturated, tells nothing.

    Parameters
    ----------
    pixel_um : float
        Edge of a pixel in the specimen.
    """

    def __init__(self, pixel_um: float) -> None:
        self._pixel_um = pixel_um
        self._last: Image | None = None
        self._pose: StagePose | None = None
        self._proofs, self._is_without_noise = 0, False
        self._repeats, self._same = False, 0

    def is_repeated(self, frame: Frame, seen: bool) -> bool:
        """Whether a frame repeats the picture of the one before.

        Parameters
        ----------
        frame : Frame
        seen : bool
            Whether the target was seen in the frame before.
        """
        last, self._last = self._last, frame.image
        if last is None or self._pose is None or not _same(last, frame.image):
            if last is not None and self._proofs < _PROOFS and not self._is_without_noise:
                self._learn_noise(last, frame)
            self._pose, self._repeats, self._same = frame.pose, False, 0
        elif not (self._repeats or _is_blank(frame.image)):
            self._is_without_noise |= self._proofs < _PROOFS
            self._same += 1
            if self._is_without_noise and self._same <= _LATE:
                self._pose = frame.pose
            sigma_um = frame.pose.sigma_um + self._pose.sigma_um
            least_px = _MOVED_PX + _SIGMAS * sigma_um / self._pixel_um
            moved = seen and self._moved_px(frame) > least_px
            self._repeats = moved or not self._is_without_noise
        return self._repeats

    def _learn_noise(self, last: Image, frame: Frame) -> None:
        """Take two pictures that differ for a proof of noise if nothing else explains that."""
        if self._moved_px(frame) < _RESTS_PX:
            noise = _differ_everywhere(last, frame.image)
            self._proofs = self._proofs + 1 if noise else 0

    def _moved_px(self, frame: Frame) -> float:
        """How far the stage has moved since the last picture that was new."""
        assert self._pose is not None
        x_um, y_um = frame.pose.x_um - self._pose.x_um, frame.pose.y_um - self._pose.y_um
        return float(np.hypot(x_um, y_um)) / self._pixel_um


def _same(one: Image, other: Image) -> bool:
    """Whether all pixels are the same, of two pictures that do not share their memory."""
    if one.shape != other.shape or np.may_share_memory(one, other):
        return False
    at_a_glance = np.array_equal(one[::_GLANCE, ::_GLANCE], other[::_GLANCE, ::_GLANCE])
    return at_a_glance and np.array_equal(one, other)


def _differ_everywhere(one: Image, other: Image) -> bool:
    """Whether some pixels differ in all parts of two pictures."""
    if one.shape != other.shape or np.may_share_memory(one, other):
        return False
    changed: NDArray[np.bool_] = _thinned(one) != _thinned(other)
    tiles = (tile for row in np.array_split(changed, _TILES) for tile in _columns(row))
    return all(int(np.count_nonzero(tile)) >= _LEAST_CHANGES for tile in tiles)


def _thinned(image: Image) -> Image:
    """Every so many pixels of a large picture."""
    every = max(1, min(image.shape) // _FEW)
    return image[::every, ::every]


def _columns(row: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    return np.array_split(row, _TILES, axis=1)


def _is_blank(image: Image) -> bool:
    """Whether nearly all pixels of a picture are the same."""
    image = _thinned(image)
    return int(np.count_nonzero(image != int(np.median(image)))) < _BLANK * image.size
