"""The text files of a session: frames, tracks, stage, decisions and faults.

Every line goes to the system when it is complete, so that a process that is killed leaves whole
lines only.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Fault, Frame, Issued, Report
from ..decisions import Decision

_POSITION = ("x_um", "y_um", "z_um")
_COLUMNS = {
    "frames.csv": (
        *("frame", "t_s", "exposed_ns", "exposure_ms", "channel", *_POSITION, "sigma_um"),
        *("truth_x_um", "truth_y_um", "truth_z_um"),
    ),
    "tracks.csv": ("track", "frame", "t_s", *_POSITION, "seen"),
    "stage.csv": ("t_s", "event", "frame", *_POSITION, "latency_ms"),
}
_DECISION_FIELDS = tuple(
    name for name in Decision.__struct_fields__ if name not in ("tracks", "timings_us")
)


class Tables:
    """Open the text files of a session.

    Parameters
    ----------
    folder : Path
        Where they go; it exists.
    seconds : callable
        Turns an instant in ns into seconds of the session.
    """

    def __init__(self, folder: Path, seconds: Callable[[int], float]) -> None:
        self._seconds = seconds
        self._open = {
            name: (folder / name).open("w", buffering=1, encoding="utf-8", newline="")
            for name in (*_COLUMNS, "decisions.jsonl", "faults.txt")
        }
        self._csv = {name: csv.writer(self._open[name], lineterminator="\n") for name in _COLUMNS}
        for name, columns in _COLUMNS.items():
            self._csv[name].writerow(columns)

    def frame(self, frame: Frame) -> None:
        """Write a row of ``frames.csv``."""
        pose, t_s = frame.pose, self._seconds(frame.exposed_ns)
        self._csv["frames.csv"].writerow(
            (
                *(frame.index, f"{t_s:.6f}", frame.exposed_ns, frame.exposure_ms, frame.channel),
                *_um((pose.x_um, pose.y_um, pose.z_um, pose.sigma_um)),
                *_um(frame.truth_um or (None, None, None)),
            )
        )

    def decision(self, decision: Decision) -> None:
        """Write a line of ``decisions.jsonl``, timings last, and its tracks to ``tracks.csv``."""
        fields = {name: getattr(decision, name) for name in _DECISION_FIELDS}
        line = msgspec.json.encode({**fields, "timings_us": decision.timings_us})
        self._open["decisions.jsonl"].write(line.decode() + "\n")
        t_s = f"{self._seconds(decision.exposed_ns):.6f}"
        self._csv["tracks.csv"].writerows(
            (p.id, decision.frame, t_s, *_um((p.x_um, p.y_um, p.z_um)), int(p.seen))
            for p in decision.tracks
        )

    def report(self, report: Report) -> None:
        """Write a row of ``stage.csv``, or a fault."""
        if isinstance(report, Fault):
            self.fault(f"{self._seconds(report.at_ns):.3f} s: {report.text}")
            return
        if isinstance(report, Issued):
            at_ns, where, event = report.issued_ns, report, ("move", report.frame)
            latency = f"{(report.issued_ns - report.exposed_ns) / NS_PER_MS:.3f}"
        else:
            at_ns, where, event, latency = report.pose.at_ns, report.pose, ("read", ""), ""
        position = _um((where.x_um, where.y_um, where.z_um))
        self._csv["stage.csv"].writerow((f"{self._seconds(at_ns):.6f}", *event, *position, latency))

    def fault(self, text: str) -> None:
        """Write a sentence to ``faults.txt``."""
        self._open["faults.txt"].write(text + "\n")

    def close(self) -> None:
        """Bring everything to the disk and close what can be closed.

        Raises
        ------
        OSError
            If any file is incomplete.
        """
        errors: list[OSError] = []
        for file in self._open.values():
            try:
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                errors.append(error)
            with suppress(OSError):
                file.close()
        if errors:
            raise errors[0]


def _um(values: Iterable[float | None]) -> list[str]:
    return ["" if value is None else f"{value:.4f}" for value in values]
