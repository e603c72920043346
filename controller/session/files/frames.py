"""Frames on the disk: an OME-Zarr array and a table with a row for each of its planes."""

from __future__ import annotations

import errno
import os
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from ....drivers.messages import Description, Frame, Image, Truth
from .tables import Seconds, Table, um_texts

RESERVE_BYTES = 64 * 1024**2
"""Left free on the disk for tables, summary and pixels under way; chosen: hours of tables."""
_MOST_WAITING = 1_000
"""Rows that wait for the truth where there is one; chosen: a second at 1000 frames/s."""
_WAITING_AT_FIRST = 8
"""Rows that wait for a first truth until it is clear that there is none, on real hardware.

Chosen: reports are some 30 ms later than frames, which is less than so many of a camera.
"""
_MOST_INTERVALS = 1_000
"""The last intervals between exposures, of which the median is told. Chosen: as many as are looked
at in no time."""
_COLUMNS = (
    *("frame", "t_s", "exposed_ns", "exposure_ms", "channel", "x_um", "y_um", "z_um", "sigma_um"),
    *("truth_x_um", "truth_y_um", "truth_z_um"),
)


class FrameStream(Protocol):
    """Where pixels go."""

    @property
    def pending(self) -> int:
        """Planes that were taken and are not on the disk."""
        ...

    def append(self, frame: Image) -> None:
        """Take the next plane, which is on the disk soon, or at the end."""
        ...

    def close(self, interval_s: float | None = None) -> None:
        """Bring everything to the disk; tell the time between planes, if it was measured."""
        ...


OpenStream = Callable[[Path, Description], FrameStream]


class FrameFiles:
    """Create ``frames.ome.zarr`` and ``frames.csv``, or others of that kind, in a folder.

    Parameters
    ----------
    folder : Path
        Created if need be.
    description : Description
        The microscope: all frames must be as it says.
    seconds : callable
        Turns an instant in ns into seconds of the session.
    open_stream : callable
        Opens what takes the pixels.
    name : str
        Of both, without suffix.
    columns : tuple of str
        More columns of the table.
    """

    def __init__(
        self,
        folder: Path,
        description: Description,
        seconds: Seconds,
        open_stream: OpenStream,
        *,
        name: str = "frames",
        columns: tuple[str, ...] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._description, self._seconds = folder, description, seconds
        self._table = Table(folder / f"{name}.csv", (*_COLUMNS, *columns))
        self._stream = open_stream(folder / f"{name}.ome.zarr", description)
        self._waiting: deque[tuple[int, tuple[object, ...], tuple[object, ...]]] = deque()
        self._times_s: deque[float] = deque(maxlen=_MOST_INTERVALS + 1)
        self._truths: dict[int, Truth] = {}
        self._newest_truth, self._most_waiting = -1, _WAITING_AT_FIRST

    def append(self, image: Image) -> None:
        """Write the pixels of the next frame.

        Raises
        ------
        ValueError, OSError
            If it has another size than was agreed, or the disk is full.
        """
        description = self._description
        agreed = (description.height_px, description.width_px, description.dtype)
        if (*image.shape, str(image.dtype)) != agreed:
            raise ValueError(
                f"the image is {image.shape[1]} x {image.shape[0]} {image.dtype}, but "
                f"{description.width_px} x {description.height_px} {description.dtype} was agreed"
            )
        if shutil.disk_usage(self._folder).free < RESERVE_BYTES + image.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._stream.append(image)

    def add_row(self, frame: Frame, *more: object) -> None:
        """Write the row of a frame, as soon as the truth about it is known, if it ever is."""
        pose, t_s = frame.pose, self._seconds(frame.exposed_ns)
        self._times_s.append(t_s)
        row = (
            *(frame.index, f"{t_s:.6f}", frame.exposed_ns, frame.exposure_ms, frame.channel),
            *um_texts(pose.x_um, pose.y_um, pose.z_um, pose.sigma_um),
        )
        self._waiting.append((frame.index, row, more))
        self._write_rows()

    def add_truth(self, truth: Truth) -> None:
        """Complete the row of a frame; the truth comes in the order of the frames."""
        self._newest_truth, self._most_waiting = truth.frame, _MOST_WAITING
        self._truths[truth.frame] = truth
        self._truths.pop(truth.frame - _MOST_WAITING, None)
        self._write_rows()

    @property
    def pending(self) -> int:
        """Frames that were taken, but whose pixels are not on the disk."""
        return self._stream.pending

    def close(self) -> None:
        """Bring everything to the disk.

        Raises
        ------
        Exception
            If anything is incomplete.
        """
        intervals_s = np.diff(self._times_s)
        try:
            self._stream.close(float(np.median(intervals_s)) if len(intervals_s) else None)
        finally:
            self._most_waiting = 0
            self._write_rows()
            self._table.close()

    def _write_rows(self) -> None:
        if len(self._waiting) > self._most_waiting == _WAITING_AT_FIRST:
            self._most_waiting = 0
        while len(self._waiting) > self._stream.pending and (
            len(self._waiting) > self._most_waiting or self._waiting[0][0] <= self._newest_truth
        ):
            index, row, more = self._waiting.popleft()
            truth = self._truths.pop(index, None)
            x, y, z = (None, None, None) if truth is None else (truth.x_um, truth.y_um, truth.z_um)
            self._table.write((*row, *um_texts(x, y, z), *more))


def is_disk_full(error: Exception) -> bool:
    """Whether it says so; storage backends wrap the system's error in their own text."""
    marks = ("No space left", "not enough space on the disk")
    return getattr(error, "errno", None) == errno.ENOSPC or any(m in str(error) for m in marks)
