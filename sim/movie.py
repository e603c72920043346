"""A recorded movie in place of a specimen: the field of the camera moves across its frames.

In: the frames of a recording, and a place in them. Out: fields of it.
"""

import math
from typing import Protocol

import cv2
import numpy as np

from ..drivers.clock import NS_PER_S
from ..drivers.messages import Image
from .imaging import OpticsSettings, spread_variance_um2

ASSUMED_OPTICS = OpticsSettings()
"""The objective whose cone of light blurs a movie that is put out of focus, NA 0.5 in air.
Chosen: files do not tell theirs, and it is the simulator's own."""
_BLUR_PX = 1e-3, 100.0
"""Limits of that blur: OpenCV takes no width of 0, and a wider one shows a plain field."""
_MEDIAN_STEP = 4
"""Every so many rows and columns of a frame give its median: 16 times quicker, and as good for
a grey value that is only shown beyond the frame."""


class Frames(Protocol):
    """Images (H, W) of one size, uint8 or uint16, one after the other."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Image:
        """Return an image, read now if need be."""
        ...


class Movie:
    """Frames of a recording laid out in stage coordinates, (0, 0) in the middle of a frame.

    Parameters
    ----------
    frames : Frames
        At least one.
    pixel_um, interval_s : float
        Edge of a pixel, and time from frame to frame.
    """

    def __init__(self, frames: Frames, pixel_um: float, interval_s: float) -> None:
        self.pixel_um = pixel_um
        self.interval_s = interval_s
        self.count = len(frames)
        self._frames = frames
        self._held: tuple[int, Image, float] | None = None
        first, _ = self._frame(0)
        self.height_px, self.width_px = first.shape
        self.dtype = first.dtype

    @property
    def duration_s(self) -> float:
        """Time from the beginning of the first frame to the end of the last."""
        return self.count * self.interval_s

    def um_of_px(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Stage position of a point in a frame; the centre of its top left pixel is (0, 0)."""
        return (
            (x_px - (self.width_px - 1) / 2) * self.pixel_um,
            (y_px - (self.height_px - 1) / 2) * self.pixel_um,
        )

    def px_of_um(self, x_um: float, y_um: float) -> tuple[float, float]:
        """Point in a frame that lies at a stage position."""
        return (
            x_um / self.pixel_um + (self.width_px - 1) / 2,
            y_um / self.pixel_um + (self.height_px - 1) / 2,
        )

    def index_at(self, t_ns: int) -> int:
        """Frame that shows at a time since the beginning; the last one stays."""
        return min(max(int(t_ns / NS_PER_S / self.interval_s), 0), self.count - 1)

    def field(
        self,
        t_ns: int,
        centre_um: tuple[float, float],
        width_px: int,
        height_px: int,
        out: Image,
        defocus_um: float = 0.0,
    ) -> None:
        """Cut out what a camera would see whose field is centred on a stage position.

        Between pixels, values are interpolated linearly, to 1/32 of a pixel. Beyond the
        frame lies its median. Out of focus, the image is blurred as by an objective of
        NA 0.5 in air, and its noise with it.

        Parameters
        ----------
        t_ns : int
            Time since the beginning of the movie.
        centre_um : (x, y)
            Stage position of the centre of the field.
        out : (height_px, width_px), of the movie's dtype
            Overwritten.
        """
        if out.shape != (height_px, width_px) or out.dtype != self.dtype:
            raise ValueError(f"out must be {self.dtype} of shape ({height_px}, {width_px})")
        frame, median = self._frame(self.index_at(t_ns))
        x_px, y_px = self.px_of_um(*centre_um)
        left, top = x_px - (width_px - 1) / 2, y_px - (height_px - 1) / 2
        columns = _overlap(left, width_px, self.width_px)
        rows = _overlap(top, height_px, self.height_px)
        if not columns or not rows:
            out.fill(round(median))
            return
        shift = np.array([[1.0, 0.0, left - columns.start], [0.0, 1.0, top - rows.start]])
        cv2.warpAffine(
            frame[rows.start : rows.stop, columns.start : columns.stop],
            shift,
            (width_px, height_px),
            dst=out,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=median,
        )
        if defocus_um:
            cv2.GaussianBlur(out, (0, 0), self._blur_px(defocus_um), dst=out)

    def _blur_px(self, defocus_um: float) -> float:
        """Standard deviation that defocus adds to the blur which the movie has already."""
        focused_um2, blurred_um2 = spread_variance_um2(ASSUMED_OPTICS, [0.0, defocus_um])
        added_px = math.sqrt(blurred_um2 - focused_um2) / self.pixel_um
        return min(max(added_px, _BLUR_PX[0]), _BLUR_PX[1])

    def _frame(self, index: int) -> tuple[Image, float]:
        """Pixels and median of a frame, the last one held."""
        if self._held is None or self._held[0] != index:
            image = self._frames[index]
            median = float(np.median(image[::_MEDIAN_STEP, ::_MEDIAN_STEP]))
            self._held = index, image, median
        return self._held[1], self._held[2]


def _overlap(first: float, length: int, available: int) -> range:
    """Pixels of a frame that a field needs along one axis, one more on either side."""
    start = min(max(math.floor(first) - 1, 0), available)
    return range(start, max(start, min(math.ceil(first) + length + 1, available)))
