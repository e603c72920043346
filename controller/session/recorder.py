"""Keeps a session: every frame, decision and report, in a folder that anybody can read.

The caller only enqueues; one thread writes. Whatever the disk does, the loop goes on.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from ...drivers.messages import Description, Frame, Image, Report
from ..decisions import Decision
from . import figure as picture
from .summary import Rows, summarise
from .tables import Tables

_QUEUE_BYTES = 2 * 1024**3
_RESERVE_BYTES = 64 * 1024**2
"""Left free on the disk, so that tables, summary and pixels under way still find room."""


class FrameStream(Protocol):
    """Where pixels go."""

    def append(self, frame: Image) -> None:
        """Write the next plane."""
        ...

    def close(self) -> None:
        """Wait for everything that is under way and finalise."""
        ...


def open_zarr(path: Path, description: Description) -> FrameStream:
    """Create an OME-Zarr (t, y, x) with physical scales that grows by one plane a frame.

    Every plane is a chunk of its own and uncompressed: an append is one file, which a crash
    leaves whole. It returns when the new length is on disk, which queues behind the pixels
    under way and so keeps few of them waiting in memory.
    """
    from ome_writers import AcquisitionSettings, Dimension, OmeZarrFormat, create_stream

    time: dict[str, Any] = {"unit": "second", "scale": description.interval_ms / 1e3}
    space: dict[str, Any] = {"unit": "micrometer", "scale": description.pixel_um}
    settings = AcquisitionSettings(
        root_path=str(path),
        dimensions=(
            Dimension(name="t", count=None, type="time", **time),
            Dimension(name="y", count=description.height_px, type="space", **space),
            Dimension(name="x", count=description.width_px, type="space", **space),
        ),
        dtype=description.dtype,
        format=OmeZarrFormat(backend="tensorstore"),
    )
    return create_stream(settings)


class Recorder:
    """Record a session in a folder.

    Parameters
    ----------
    folder : Path
        Created; it must not hold anything yet.
    description : Description
        The microscope.
    config_toml : str
        The exact configuration of the session.
    queue_bytes : int
        Pixels that may wait for the disk. Beyond that frames are counted as lost.
    open_stream : callable
        Opens what takes the pixels.

    Raises
    ------
    FileExistsError
        If the folder holds anything.
    """

    def __init__(
        self,
        folder: Path,
        description: Description,
        config_toml: str,
        *,
        queue_bytes: int = _QUEUE_BYTES,
        open_stream: Callable[[Path, Description], FrameStream] = open_zarr,
    ) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileExistsError(f"{folder} is not empty: choose another folder with --out.")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(config_toml, encoding="utf-8", newline="")
        self._folder, self._description = folder, description
        self._rows = Rows()
        self._tables = Tables(folder, self._rows.seconds)
        self._stream = open_stream(folder / "frames.ome.zarr", description)
        self._early: list[Report] = []
        self._broken: set[str] = set()
        self._fault = self._disk_full = ""
        self._recorded = self._lost = self._frame = 0
        self._queue: queue.SimpleQueue[Frame | Decision | Report | None] = queue.SimpleQueue()
        self._room_bytes, self._room_lock = queue_bytes, threading.Lock()
        self._summary: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str:
        """The first thing that kept something from being recorded, in one sentence; else empty."""
        return self._fault

    def frame(self, frame: Frame) -> None:
        """Record an exposure. The image must not be changed afterwards."""
        with self._room_lock:
            fits = frame.image.nbytes <= self._room_bytes
            if fits:
                self._room_bytes -= frame.image.nbytes
        if not fits:
            frame = msgspec.structs.replace(frame, image=np.empty((0, 0), frame.image.dtype))
        self._queue.put(frame)

    def decision(self, decision: Decision) -> None:
        """Record a step of the loop."""
        self._queue.put(decision)

    def report(self, report: Report) -> None:
        """Record what the microscope told."""
        self._queue.put(report)

    def close(self) -> dict[str, Any]:
        """Write everything that waits, the summary and its picture; return the summary.

        Repeated, it returns the same; what is recorded after it is ignored.
        """
        if self._summary is None:
            self._queue.put(None)
            self._thread.join()
            self._summary = self._finish()
        return self._summary

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Frame):
                self._rows.frame(item)
                self._take_frame(item)
            elif isinstance(item, Decision):
                self._rows.decision(item)
                self._attempt("the tables", partial(self._tables.decision, item))
            else:
                self._early.append(item)
            if self._rows.origin_ns is not None:
                self._take_reports()

    def _take_frame(self, frame: Frame) -> None:
        self._frame = frame.index
        part = "the pixels" if frame.image.size else "some frames"
        if self._attempt(part, partial(self._append, frame.image)):
            self._recorded += 1
            self._attempt("the tables", partial(self._tables.frame, frame))
        else:
            self._lost += 1
        with self._room_lock:
            self._room_bytes += frame.image.nbytes

    def _append(self, image: Image) -> None:
        if not image.size:
            raise BufferError("the disk cannot keep up; choose a faster one with --out")
        description = self._description
        agreed = (description.height_px, description.width_px, description.dtype)
        if (*image.shape, str(image.dtype)) != agreed:
            raise ValueError(
                f"the image is {image.shape[1]} x {image.shape[0]} {image.dtype}, but "
                f"{description.width_px} x {description.height_px} {description.dtype} was agreed"
            )
        if shutil.disk_usage(self._folder).free < _RESERVE_BYTES + image.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._stream.append(image)

    def _take_reports(self) -> None:
        """Write reports; those from before the first exposure have waited for its time."""
        for report in self._early:
            self._rows.report(report)
            self._attempt("the tables", partial(self._tables.report, report))
        self._early.clear()

    def _attempt(self, part: str, action: Callable[[], object]) -> bool:
        """Do it unless this part has failed before; whether it worked."""
        if part in self._broken:
            return False
        try:
            action()
        except Exception as error:
            self._broken.add(part)
            self._keep_fault(self._explain(error, part))
            return False
        return True

    def _explain(self, error: Exception, part: str) -> str:
        """One sentence for the user; a full disk gets the same one however often it is met."""
        if not _is_disk_full(error):
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            return f"Recording of {part} in {self._folder} failed at frame {self._frame}: {reason}."
        self._disk_full = self._disk_full or (
            f"The disk of {self._folder} is full: recording stopped at frame {self._frame}; "
            "free some space or choose another folder with --out."
        )
        return self._disk_full

    def _keep_fault(self, text: str) -> None:
        self._fault = self._fault or text
        if text not in self._rows.faults:
            self._rows.faults.append(text)
            with suppress(OSError, ValueError):
                self._tables.fault(text)

    def _finish(self) -> dict[str, Any]:
        self._take_reports()
        self._attempt("the last pixels", self._stream.close)
        summary = summarise(self._rows, self._description, self._recorded, self._lost)
        path = self._folder / "summary.png"
        draw = partial(picture.draw, path, self._rows, self._description, summary)
        self._attempt("the picture", draw)
        self._attempt("the last rows", self._tables.close)
        summary["faults"] = list(dict.fromkeys(self._rows.faults))
        self._attempt("the summary", partial(self._write_summary, summary))
        return summary

    def _write_summary(self, summary: dict[str, Any]) -> None:
        text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
        (self._folder / "summary.json").write_text(text, encoding="utf-8")


def _is_disk_full(error: Exception) -> bool:
    """Whether it says so; storage backends wrap the system's error in their own text."""
    marks = ("No space left", "not enough space on the disk")
    return getattr(error, "errno", None) == errno.ENOSPC or any(m in str(error) for m in marks)
