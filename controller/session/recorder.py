"""Records a session: every frame, decision and report, in a folder that anybody can read.

The caller only enqueues; one thread writes. Whatever the disk does, the loop goes on.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...drivers.messages import Description, Frame, Report, Truth
from ..configuration import check_new_folder, written_whole
from ..decisions import Decision
from ..loop import Step
from . import figure as picture
from .files import OpenStream, SessionFrames, Tables, ZarrStream, is_disk_full
from .film import FilmStrip
from .observers import Observer
from .series import Rows
from .summary import summarise

_QUEUE_BYTES = 2 * 1024**3
"""Pixels that may wait for the disk; chosen: some seconds of a fast camera, and less memory than
computers at microscopes have."""


_HELD_UP = "{} before it were overwritten unread, as the recorder was held up"
_TOO_SLOW = "the disk cannot keep up; choose a faster one with --out"


class Recorder(Observer):
    """Record a session in a folder; the frames of each acquisition in a folder within it.

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
        If the folder holds anything, or is a file.
    """

    name = "The recorder"
    in_step = True

    def __init__(
        self,
        folder: Path,
        description: Description,
        config_toml: str,
        *,
        queue_bytes: int = _QUEUE_BYTES,
        open_stream: OpenStream = ZarrStream,
    ) -> None:
        check_new_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(config_toml, encoding="utf-8", newline="")
        self._folder, self._description = folder, description
        self._rows, self._film = Rows(), FilmStrip()
        self._tables = Tables(folder, self._rows.seconds, description)
        self._frames = SessionFrames(folder, description, self._rows.seconds, open_stream)
        self._early: list[Report] = []
        self._broken: set[str] = set()
        self._fault = self._disk_full = ""
        self._recorded = self._lost = self._frame = 0
        self._newest = -1
        self._queue: queue.SimpleQueue[Frame | Decision | Report | str | None] = queue.SimpleQueue()
        self._room_bytes, self._room_lock = queue_bytes, threading.Lock()
        self._summary: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str:
        """The first thing that kept something from being recorded, in one sentence; else empty."""
        return self._fault

    def observe(self, step: Step) -> None:
        """Record a step of the loop."""
        self.frame(step.frame)
        self.decision(step.decision)
        for report in step.reports:
            self.report(report)

    def acquired(self, frame: Frame) -> None:
        """Record a frame of an acquisition."""
        self.frame(frame)

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
        """Record what was decided in a step of the loop."""
        self._queue.put(decision)

    def report(self, report: Report) -> None:
        """Record what the microscope told."""
        self._queue.put(report)

    def note_fault(self, text: str) -> None:
        """Record what went wrong in the session itself, in a sentence."""
        self._queue.put(text)

    def finish(self) -> dict[str, Any]:
        """Write everything that waits, the summary and its picture; return the summary.

        Repeated, it returns the same; what is recorded after it is ignored.
        """
        if self._summary is None:
            self._queue.put(None)
            self._thread.join()
            self._summary = self._write_end()
        return self._summary

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.finish()

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Frame):
                self._take_frame(item)
            elif isinstance(item, Decision):
                self._rows.decision(item)
                self._attempt("the tables", partial(self._tables.decision, item))
            elif isinstance(item, str):
                self._list_fault(item)
            else:
                self._early.append(item)
            if self._rows.origin_ns is not None:
                self._take_reports()

    def _take_frame(self, frame: Frame) -> None:
        if not frame.acquisition:
            self._rows.frame(frame)
            self._film.add(frame)
            self._count_missing(frame.index)
        part = f"acquisition {frame.acquisition}" if frame.acquisition else "the pixels"
        self._frame = frame.index
        if self._attempt(part if frame.image.size else "some frames", partial(self._append, frame)):
            self._recorded += not frame.acquisition
            self._attempt("the tables", partial(self._frames.add_row, frame))
        else:
            self._lost += 1
        with self._room_lock:
            self._room_bytes += frame.image.nbytes

    def _count_missing(self, index: int) -> None:
        """Count exposures that never came here."""
        before, self._newest = self._newest, index
        if before >= 0 and index > before + 1:
            self._lost += index - before - 1
            self._attempt("all exposures", partial(_fail, _HELD_UP.format(index - before - 1)))

    def _append(self, frame: Frame) -> None:
        if not frame.image.size:
            _fail(_TOO_SLOW)
        self._frames.append(frame)

    def _take_reports(self) -> None:
        """Write reports; those from before the first exposure have waited for its time."""
        for report in self._early:
            self._rows.report(report)
            write = self._frames.add_truth if isinstance(report, Truth) else self._tables.report
            self._attempt("the tables", partial(write, report))
        self._early.clear()

    def _attempt(self, part: str, action: Callable[[], object]) -> bool:
        """Do it unless this part has failed before; whether it worked."""
        if part in self._broken:
            return False
        try:
            action()
        except Exception as error:
            self._broken.add(part)
            text = self._explain(error, part)
            self._fault = self._fault or text
            self._list_fault(text)
            return False
        return True

    def _explain(self, error: Exception, part: str) -> str:
        """One sentence for the user; a full disk gets the same one however often it is met."""
        if not is_disk_full(error):
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            return f"Recording of {part} in {self._folder} failed at frame {self._frame}: {reason}."
        self._disk_full = self._disk_full or (
            f"The disk of {self._folder} is full: recording stopped at frame {self._frame}; "
            "free some space or choose another folder with --out."
        )
        return self._disk_full

    def _list_fault(self, text: str) -> None:
        if text not in self._rows.faults:
            self._rows.faults.append(text)
            with suppress(OSError, ValueError):
                self._tables.fault(text)

    def _write_end(self) -> dict[str, Any]:
        self._take_reports()
        self._attempt("the last pixels", self._frames.close)
        self._recorded -= self._frames.pending
        self._lost += self._frames.pending
        summary = summarise(self._rows, self._description, self._recorded, self._lost)
        self._attempt("the picture", partial(self._draw, summary))
        self._attempt("the last rows", self._tables.close)
        summary["faults"] = list(dict.fromkeys(self._rows.faults))
        self._attempt("the summary", partial(self._write_summary, summary))
        return summary

    def _draw(self, summary: dict[str, Any]) -> None:
        with written_whole(self._folder / "summary.png") as (path,):
            picture.draw(path, self._rows, self._description, summary, self._film.stills())

    def _write_summary(self, summary: dict[str, Any]) -> None:
        text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
        with written_whole(self._folder / "summary.json") as (path,):
            path.write_text(text, encoding="utf-8")


def _fail(why: str) -> None:
    raise BufferError(why)
