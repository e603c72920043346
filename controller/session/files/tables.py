"""The text files of a session but for its frames: tracks, stage, decisions and faults.

Every line goes to the system when it is complete, so that a process that is killed leaves whole
lines only.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from ....drivers.clock import NS_PER_MS
from ....drivers.messages import Description, Fault, Issued, PoseRead
from ...decisions import Decision
from ...tracking import FieldGeometry

Seconds = Callable[[int], float]
"""Turns an instant in ns into seconds of the session."""

_POSITION = ("x_um", "y_um", "z_um")
_TRACK_COLUMNS = ("track", "frame", "t_s", *_POSITION, "x_px", "y_px", "seen", "target")
_STAGE_COLUMNS = ("t_s", "event", "frame", *_POSITION, "latency_ms")
_DECISION_FIELDS = tuple(
    name for name in Decision.__struct_fields__ if name not in ("tracks", "timings_us")
)


class Lines:
    """A text file to which whole lines are appended."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1, encoding="utf-8", newline="")

    def append(self, line: str) -> None:
        """Write a line."""
        self._file.write(line + "\n")

    def close(self) -> None:
        """Bring everything to the disk.

        Raises
        ------
        OSError
            If the file is incomplete.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            with suppress(OSError):
                self._file.close()


class Table(Lines):
    """A CSV file with a row of column names."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self.write(columns)

    def write(self, row: Iterable[object]) -> None:
        """Write a row."""
        self._writer.writerow(row)


class Tables:
    """Open the text files of a session.

    Parameters
    ----------
    folder : Path
        Where they go; it exists.
    seconds : callable
        Turns an instant in ns into seconds of the session.
    description : Description
        The microscope.
    """

    def __init__(self, folder: Path, seconds: Seconds, description: Description) -> None:
        self._seconds, self._geometry = seconds, FieldGeometry(description)
        self._tracks = Table(folder / "tracks.csv", _TRACK_COLUMNS)
        self._stage = Table(folder / "stage.csv", _STAGE_COLUMNS)
        self._decisions = Lines(folder / "decisions.jsonl")
        self._faults = Lines(folder / "faults.txt")

    def decision(self, decision: Decision) -> None:
        """Write a line of ``decisions.jsonl``, timings last, and its tracks to ``tracks.csv``."""
        fields = {name: getattr(decision, name) for name in _DECISION_FIELDS}
        line = msgspec.json.encode({**fields, "timings_us": decision.timings_us})
        self._decisions.append(line.decode())
        t_s = f"{self._seconds(decision.exposed_ns):.6f}"
        for p in decision.tracks:
            position = um_texts(p.x_um, p.y_um, p.z_um)
            pixel = self._geometry.pixel_from((p.x_um, p.y_um), decision.pose_um[:2])
            is_target = p.id == decision.target or p.id in decision.targets
            self._tracks.write(
                (
                    *(p.id, decision.frame, t_s, *position, *(f"{each:.2f}" for each in pixel)),
                    *(int(p.seen), int(is_target)),
                )
            )

    def report(self, report: Issued | PoseRead | Fault) -> None:
        """Write a row of ``stage.csv``, or a fault."""
        if isinstance(report, Fault):
            self.fault(f"{self._seconds(report.at_ns):.3f} s: {report.text}")
            return
        if isinstance(report, Issued):
            at_ns, where, event = report.issued_ns, report, ("move", report.frame)
            latency_ms = (report.issued_ns - report.exposed_ns) / NS_PER_MS
            latency = f"{latency_ms:.3f}" if report.exposed_ns else ""
        else:
            at_ns, where, event, latency = report.pose.at_ns, report.pose, ("read", ""), ""
        position = um_texts(where.x_um, where.y_um, where.z_um)
        self._stage.write((f"{self._seconds(at_ns):.6f}", *event, *position, latency))

    def fault(self, text: str) -> None:
        """Write a sentence to ``faults.txt``."""
        self._faults.append(text)

    def close(self) -> None:
        """Bring everything to the disk and close what can be closed.

        Raises
        ------
        OSError
            If any file is incomplete.
        """
        errors: list[OSError] = []
        for file in (self._tracks, self._stage, self._decisions, self._faults):
            try:
                file.close()
            except OSError as error:
                errors.append(error)
        if errors:
            raise errors[0]


def um_texts(*values: float | None) -> list[str]:
    """Return lengths in µm as they stand in tables; empty where there is none."""
    return ["" if value is None else f"{value:.4f}" for value in values]
