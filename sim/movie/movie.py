"""A recorded movie in place of a specimen: the field of the camera moves across its frames."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Image
from ..imaging import OpticsSettings, spread_variance_um2
from .recording import MovieError, read_recording

ASSUMED_OPTICS = OpticsSettings()
"""The objective whose cone of light blurs a movie that is put out of focus."""


class Movie:
    """Frames of a recording laid out in stage coordinates, (0, 0) in the middle of a frame.

    Attributes
    ----------
    path : Path
        Where it was read from.
    frames : int
        Number of frames.
    width_px, height_px : int
        Size of a frame.
    dtype : numpy.dtype
        uint8 or uint16.
    pixel_um, interval_s : float
        Edge of a pixel, and time from frame to frame.
    assumed : tuple of str
        Which of these two were neither told nor given, and are 1 for want of anything better.
    """

    assumed: tuple[str, ...] = ()

    def __init__(self, path: Path, frames: Any, pixel_um: float, interval_s: float) -> None:
        self.path = path
        self.pixel_um = pixel_um
        self.interval_s = interval_s
        self.frames, self.height_px, self.width_px = (int(n) for n in frames.shape)
        self._stack = frames
        self._held: tuple[int, Image, float] | None = None
        for index in (self.frames - 1, 0):
            self._frame(index)
        self.dtype = self._frame(0)[0].dtype

    @classmethod
    def open(
        cls, path: str | Path, pixel_um: float | None = None, interval_s: float | None = None
    ) -> Movie:
        """Open a TIFF file or an OME-Zarr folder.

        Parameters
        ----------
        path : str or Path
            A file of shape (T, Y, X) or one page, in uint8 or uint16; colour turns grey.
        pixel_um, interval_s : float, optional
            Scales; without them, those that the file tells, or else 1.

        Raises
        ------
        MovieError
            If it is missing, damaged, of another kind, or a scale is not positive.
        """
        path = Path(path)
        frames, told_um, told_s = read_recording(path)
        scales = {"pixel_um": pixel_um or told_um, "interval_s": interval_s or told_s}
        movie = cls(
            path, frames, *(_positive(name, value or 1.0) for name, value in scales.items())
        )
        movie.assumed = tuple(name for name, value in scales.items() if value is None)
        return movie

    @property
    def duration_s(self) -> float:
        """Time from the beginning of the first frame to the end of the last."""
        return self.frames * self.interval_s

    @property
    def extent_um(self) -> tuple[float, float]:
        """Width and height of a frame."""
        return self.width_px * self.pixel_um, self.height_px * self.pixel_um

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
        return min(max(int(t_ns / NS_PER_S / self.interval_s), 0), self.frames - 1)

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
        frame lies its median. Out of focus, the picture is blurred as by an objective of
        NA 0.5 in air, and its noise with it.

        Parameters
        ----------
        t_ns : int
            Time since the beginning of the movie.
        centre_um : (x, y)
            Stage position of the centre of the field.
        width_px, height_px : int
            Size of the field, in pixels of the movie.
        out : (height_px, width_px), of the movie's dtype
            Overwritten.
        defocus_um : float
            Distance from focus.
        """
        if out.shape != (height_px, width_px) or out.dtype != self.dtype:
            raise ValueError(f"out must be {self.dtype} of shape ({height_px}, {width_px})")
        frame, plain = self._frame(self.index_at(t_ns))
        x_px, y_px = self.px_of_um(*centre_um)
        left, top = x_px - (width_px - 1) / 2, y_px - (height_px - 1) / 2
        columns = _overlap(left, width_px, self.width_px)
        rows = _overlap(top, height_px, self.height_px)
        if not columns or not rows:
            out.fill(round(plain))
            return
        shift = np.array([[1.0, 0.0, left - columns.start], [0.0, 1.0, top - rows.start]])
        cv2.warpAffine(
            frame[rows.start : rows.stop, columns.start : columns.stop],
            shift,
            (width_px, height_px),
            dst=out,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=plain,
        )
        if defocus_um:
            cv2.GaussianBlur(out, (0, 0), self._blur_px(defocus_um), dst=out)

    def _blur_px(self, defocus_um: float) -> float:
        """Standard deviation that defocus adds to the blur which the movie has already."""
        focused_um2, blurred_um2 = spread_variance_um2(ASSUMED_OPTICS, [0.0, defocus_um])
        added_px = math.sqrt(blurred_um2 - focused_um2) / self.pixel_um
        return min(max(added_px, 1e-3), 100.0)

    def _frame(self, index: int) -> tuple[Image, float]:
        """Pixels and median of a frame, the last one held."""
        if self._held is None or self._held[0] != index:
            try:
                pixels = np.ascontiguousarray(self._stack[index])
            except Exception as error:
                raise MovieError(
                    f"Frame {index} of the movie {self.path} cannot be read: "
                    "the file is incomplete, so copy or record it again."
                ) from error
            pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
            self._held = index, pixels, float(np.median(pixels[::4, ::4]))
        return self._held[1], self._held[2]


def _overlap(first: float, length: int, available: int) -> range:
    """Pixels of a frame that a field needs along one axis, one more on either side."""
    start = min(max(math.floor(first) - 1, 0), available)
    return range(start, max(start, min(math.ceil(first) + length + 1, available)))


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise MovieError(f"{name} must be a positive number, not {value:g}.")
    return value
