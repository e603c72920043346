"""Records a session: every frame, decision and report, in a folder that anybody can read.

The caller only enqueues; one thread writes. Whatever the disk does, the loop goes on.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...drivers.messages import Description, Frame, Report, Truth
from ..configuration import RecordingSettings, check_new_folder
from ..decisions import Decision
from ..loop import Step
from .files import (
    Attempts,
    Backlog,
    FreeSpace,
    OpenStream,
    SessionFrames,
    Tables,
    ZarrStream,
    forecast,
)
from .observers import Observer
from .report import FilmStrip, Rows, summarise, write_picture, write_summary

_QUEUE_BYTES = 2 * 1024**3
"""Pixels that may wait for the disk; chosen: some seconds of a fast camera, and less memory than
computers at microscopes have."""


_ALL = RecordingSettings()
_HELD_UP = (
    "Some frames were overwritten before they were recorded, as this computer is busy: a faster "
    "one, or --set recording.keep=target, would keep more."
)
_TOO_SLOW = (
    "The disk of {} cannot keep up: from frame {} on evenly spaced frames are left out; choose a "
    "faster one with --out, or keep less with --set recording.keep=target."
)


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
    settings : RecordingSettings
        What is kept of the frames.
    seconds : float, optional
        How long the session lasts, if that is known.
    waits : bool
        Whether `frame` waits for the disk instead of leaving frames out, as virtual time can.
    queue_bytes : int
        Pixels that may wait for the disk. Beyond that frames are left out, and counted as lost.
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
        settings: RecordingSettings = _ALL,
        seconds: float | None = None,
        *,
        waits: bool = False,
        queue_bytes: int = _QUEUE_BYTES,
        open_stream: OpenStream = ZarrStream,
    ) -> None:
        check_new_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(config_toml, encoding="utf-8", newline="")
        self._folder, self._description = folder, description
        self._settings, self._seconds, self._waits = settings, seconds, waits
        self._rows, self._film = Rows(), FilmStrip()
        self._tables = Tables(folder, self._rows.seconds, description)
        self._frames = SessionFrames(folder, description, self._rows.seconds, open_stream, settings)
        self._attempts = Attempts(folder, self._list_fault)
        self._space = FreeSpace(folder, seconds)
        self._early: list[Report] = []
        self._recorded = self._lost = 0
        self._newest = -1
        self._queue: queue.SimpleQueue[Frame | Decision | Report | str | None] = queue.SimpleQueue()
        self._backlog = Backlog(queue_bytes, waits)
        self._summary: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str:
        """The first thing that kept something from being recorded, in one sentence; else empty."""
        return self._attempts.fault

    @property
    def stopped(self) -> str:
        """Why something is no longer recorded at all, in one sentence; else empty."""
        return self._attempts.stopped

    def forecast(self) -> list[str]:
        """Say what the recording takes, and how long the disk lasts; before the first frame."""
        with suppress(OSError):  # what fails now fails in the session, and is told
            about = self._folder, self._description, self._settings, self._seconds
            return forecast(*about, must_keep_up=not self._waits)
        return []

    def take_news(self) -> list[str]:
        """What a person should know of the recording since the last call; from any thread."""
        return self._attempts.take_news()

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
        if not self._backlog.admit(frame):
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
                self._frames.decision(item)
                self._attempts.do("the tables", partial(self._tables.decision, item))
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
        self._attempts.frame = frame.index
        if self._append(frame):
            self._recorded += not frame.acquisition
            self._attempts.do("the tables", partial(self._frames.add_row, frame))
            if text := self._space.look(self._rows.seconds(frame.exposed_ns)):
                self._attempts.warn(text)
        else:
            self._lost += 1
        self._backlog.release(frame)

    def _append(self, frame: Frame) -> bool:
        if not frame.image.size:
            self._attempts.fall_short("some frames", _TOO_SLOW.format(self._folder, frame.index))
            return False
        part = f"acquisition {frame.acquisition}" if frame.acquisition else "the pixels"
        return self._attempts.do(part, partial(self._frames.append, frame))

    def _count_missing(self, index: int) -> None:
        """Count exposures that never came here."""
        before, self._newest = self._newest, index
        if before >= 0 and index > before + 1:
            self._lost += index - before - 1
            self._attempts.fall_short("all exposures", _HELD_UP)

    def _take_reports(self) -> None:
        """Write reports; those from before the first exposure have waited for its time."""
        for report in self._early:
            self._rows.report(report)
            write = self._frames.add_truth if isinstance(report, Truth) else self._tables.report
            self._attempts.do("the tables", partial(write, report))
        self._early.clear()

    def _list_fault(self, text: str) -> None:
        if text not in self._rows.faults:
            self._rows.faults.append(text)
            with suppress(OSError, ValueError):
                self._tables.fault(text)

    def _write_end(self) -> dict[str, Any]:
        self._take_reports()
        self._attempts.do("the last pixels", self._frames.close)
        self._recorded -= self._frames.pending
        self._lost += self._frames.pending
        summary = summarise(self._rows, self._description, self._recorded, self._lost)
        draw = partial(write_picture, self._folder, self._rows, self._description)
        self._attempts.do("the picture", partial(draw, summary, self._film))
        self._attempts.do("the last rows", self._tables.close)
        summary["faults"] = list(dict.fromkeys(self._rows.faults))
        self._attempts.do("the summary", partial(write_summary, self._folder, summary))
        return summary
