"""How long a disk lasts for a recording, and how fast it is."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import numpy as np

from ....drivers.messages import Description
from ...configuration import RecordingSettings
from .frames import RESERVE_BYTES
from .zarr_stream import ZarrStream

_MB = 1e6
_FAST_BYTES_S = 20 * _MB
"""Rate from which it is measured whether the disk can keep up. Chosen: any disk can below it."""
_PROBE_BYTES = 64 * 1024**2
"""Pixels written to measure that. Chosen: two files; half a second on a common disk."""
_NOISE = {"uint8": (40, 4), "uint16": (400, 20)}
"""Mean and standard deviation of the grey values written. Chosen: photons, one for each grey value,
and noise which compresses about as that of cameras."""
_LOOK_S, _WINDOW_S, _SHORTEST_S = 5.0, 120.0, 20.0
"""How often the room on the disk is looked at, over how long its loss is averaged, and from how
long a time on. Chosen: files of some seconds each are averaged out."""
_WARN_S = (600.0, 120.0)
"""Times before the disk is full at which that is said. Chosen: time to fetch another disk, and to
delete something."""


def bytes_per_s(description: Description, settings: RecordingSettings) -> float:
    """Bytes of pixels that are kept in a second, before they are compressed."""
    width, height = description.width_px, description.height_px
    size, interval_s = np.dtype(description.dtype).itemsize, description.interval_ms / 1e3
    if settings.keep == "all":
        return width * height * size / interval_s
    box = min(width, settings.box_px) * min(height, settings.box_px)
    return size * (box / interval_s + width * height / max(settings.field_every_s, interval_s))


def forecast(
    folder: Path,
    description: Description,
    settings: RecordingSettings,
    seconds: float | None,
    must_keep_up: bool,
) -> list[str]:
    """Say what a recording takes, how long the disk lasts, and whether it is fast enough.

    Parameters
    ----------
    folder : Path
        Where it goes; it exists.
    description : Description
        The microscope.
    settings : RecordingSettings
        What is kept.
    seconds : float or None
        How long the session lasts, if that is known.
    must_keep_up : bool
        Whether the frames do not wait: if they come fast, the speed of the disk is measured.
    """
    rate = bytes_per_s(description, settings)
    free = max(shutil.disk_usage(folder).free - RESERVE_BYTES, 0)
    said = [
        f"With a frame every {description.interval_ms:.3g} ms the recording takes {_mb(rate)} MB/s "
        f"at most, as it is compressed: the disk of {folder} has room for {_span(free / rate)} at "
        "least"
    ]
    if must_keep_up and rate > _FAST_BYTES_S and free > 2 * _PROBE_BYTES:
        speed = _measure_speed(folder, description)
        said[0] += f", and takes {_mb(speed)} MB/s, as measured now"
        if speed < rate:
            said.append(
                "That would be too slow, and evenly spaced frames would be left out: choose a "
                f"faster disk with --out{_keep_less(settings)}."
            )
    said[0] += "."
    if seconds is not None and seconds * rate > free:
        said.append(
            f"The session may need {seconds * rate / 1e9:.3g} GB and {free / 1e9:.3g} GB are free: "
            f"free some space, or choose another folder with --out{_keep_less(settings)}."
        )
    return said


class FreeSpace:
    """Warns in time that a disk will be full.

    Parameters
    ----------
    folder : Path
    seconds : float or None
        How long the session lasts, if that is known.
    """

    def __init__(self, folder: Path, seconds: float | None) -> None:
        self._folder, self._seconds = folder, seconds
        self._looks: deque[tuple[float, int]] = deque()
        self._warn_s = list(_WARN_S)

    def look(self, t_s: float) -> str:
        """Return a warning if one is due, at a time in s of the session; else an empty text."""
        if self._looks and t_s - self._looks[-1][0] < _LOOK_S:
            return ""
        with suppress(OSError):  # what fails now fails with the pixels, and is told
            self._looks.append((t_s, shutil.disk_usage(self._folder).free - RESERVE_BYTES))
        if not self._looks:
            return ""
        while t_s - self._looks[0][0] > _WINDOW_S:
            self._looks.popleft()
        (first_s, before), (_, free) = self._looks[0], self._looks[-1]
        taken = before - free
        if t_s - first_s < _SHORTEST_S or taken <= 0:
            return ""
        left_s = max(free, 0) * (t_s - first_s) / taken
        due = [limit for limit in self._warn_s if left_s < limit]
        if not due or (self._seconds is not None and t_s + left_s > self._seconds):
            return ""
        self._warn_s = self._warn_s[len(due) :]
        return (
            f"The disk of {self._folder} will be full in about {_span(left_s)}, and the session "
            "ends then: free some space."
        )


def _measure_speed(folder: Path, description: Description) -> float:
    """Write noise as a session would, and return bytes per second."""
    mean, deviation = _NOISE[description.dtype]
    shape = description.height_px, description.width_px
    noise = np.random.default_rng(0).normal(mean, deviation, shape).clip(0)
    plane = noise.astype(description.dtype)
    planes = max(_PROBE_BYTES // plane.nbytes, 1)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".speed-") as scratch:
        stream = ZarrStream(Path(scratch) / "speed.ome.zarr", description)
        start_s = time.perf_counter()
        for _ in range(planes):
            stream.append(plane)
        stream.close()
        return planes * plane.nbytes / (time.perf_counter() - start_s)


def _keep_less(settings: RecordingSettings) -> str:
    if settings.keep == "all":
        return ", or keep a box around the target with --set recording.keep=target"
    return ", or make recording.box_px smaller and recording.field_every_s longer"


def _mb(size: float) -> str:
    return f"{size / _MB:.0f}" if size >= 100 * _MB else f"{size / _MB:.3g}"


def _span(seconds: float) -> str:
    """A time as people say it."""
    for unit, length_s in (("years", 3.2e7), ("days", 86_400.0), ("hours", 3_600.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.2g} {unit}"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"
