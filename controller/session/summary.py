"""What a session came to: columns collected frame by frame, and the numbers drawn from them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Description, Dynamics, Fault, Frame, Issued, PoseRead, Report
from ..decisions import Decision, Lock

LOCKS = tuple(Lock)
"""`Series.lock` holds indices into this."""

_FOUND = ("delay_ms", "speed_um_s", "acceleration_um_s2")
_NAN = float("nan")


class Rows:
    """What a summary needs of every frame, decision and report; about 150 bytes a frame.

    Attributes
    ----------
    origin_ns : int or None
        The first exposure, from which times are counted.
    latency_ms : array of float
        Photon to motion, of every move issued: from the middle of the exposure that it was
        based on to its hand-over to the stage.
    timings_us : dict of str to array of float
        Host time that each stage of the loop took.
    faults : list of str
        Sentences.
    found : Dynamics or None
        How the stage answers, if that was found to be otherwise than told.
    """

    def __init__(self) -> None:
        self.origin_ns: int | None = None
        self.latency_ms = array("f")
        self.timings_us: dict[str, array[float]] = {}
        self.faults: list[str] = []
        self.found: Dynamics | None = None
        self._frames = array("d")
        self._decisions = array("d")

    def frame(self, frame: Frame) -> None:
        """Take note of an exposure, whether or not the controller processed it."""
        truth = frame.truth_um or (_NAN, _NAN)
        pose = frame.pose
        self._frames.extend(
            (frame.index, self.seconds(frame.exposed_ns), pose.x_um, pose.y_um, *truth[:2])
        )

    def decision(self, decision: Decision) -> None:
        """Take note of one step of the loop."""
        (x, y, _), seen = decision.pose_um, decision.seen_um
        offset = (_NAN, _NAN) if seen is None else (seen[0] - x, seen[1] - y)
        lock = LOCKS.index(decision.lock)
        t_s = self.seconds(decision.exposed_ns)
        self._decisions.extend((decision.frame, t_s, x, y, *offset, lock))
        for stage, us in decision.timings_us.items():
            self.timings_us.setdefault(stage, array("f")).append(us)

    def report(self, report: Report) -> None:
        """Take note of moves issued, of faults and of what readings told of the stage."""
        if isinstance(report, Issued):
            self.latency_ms.append((report.issued_ns - report.exposed_ns) / NS_PER_MS)
        elif isinstance(report, Fault):
            self.faults.append(report.text)
        elif isinstance(report, PoseRead):
            self.found = report.dynamics or self.found

    def seconds(self, at_ns: int) -> float:
        """Seconds since the first exposure; the first instant asked for becomes the origin."""
        if self.origin_ns is None:
            self.origin_ns = at_ns
        return (at_ns - self.origin_ns) / NS_PER_S

    def series(self) -> Series:
        """Join frames and decisions by the index of the frame."""
        frames = np.frombuffer(self._frames).reshape(-1, 6)
        decisions = np.frombuffer(self._decisions).reshape(-1, 7)
        index = np.union1d(frames[:, 0], decisions[:, 0])
        table = np.full((len(index), 5), _NAN)
        lock = np.full(len(index), -1, np.int8)
        at = np.searchsorted(index, decisions[:, 0])
        table[at] = decisions[:, 1:6]
        lock[at] = decisions[:, 6]
        at = np.searchsorted(index, frames[:, 0])
        table[at, :3] = frames[:, 1:4]
        has_truth = np.isfinite(frames[:, 4:]).all(1)
        table[at[has_truth], 3:] = frames[has_truth, 4:]
        truth = np.zeros(len(index), bool)
        truth[at[has_truth]] = True
        return Series(index.astype(np.int64), table[:, 0], table[:, 1:3], table[:, 3:], truth, lock)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A session frame by frame, in the order of exposure.

    Attributes
    ----------
    frame : (N,) int64
        Index of the frame.
    t_s : (N,) float64
        Middle of its exposure, from the first one.
    pose_um : (N, 2) float64
        Stage position then.
    offset_um : (N, 2) float64
        Target relative to the middle of the field, in stage directions: the truth if it is
        known, else where it was detected; NaN if neither.
    truth : (N,) bool
        Whether the offset is the truth.
    lock : (N,) int8
        Index into `LOCKS`; -1 for an exposure that the controller did not process.
    """

    frame: NDArray[np.int64]
    t_s: NDArray[np.float64]
    pose_um: NDArray[np.float64]
    offset_um: NDArray[np.float64]
    truth: NDArray[np.bool_]
    lock: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def error_um(self) -> NDArray[np.float64]:
        """Centring error of each frame, (N,); NaN where it is unknown."""
        return np.hypot(*self.offset_um.T)

    @property
    def processed(self) -> NDArray[np.bool_]:
        """Which frames the controller processed, (N,)."""
        return self.lock >= 0

    def is_lock(self, *locks: Lock) -> NDArray[np.bool_]:
        """Which frames ended in one of these states, (N,)."""
        return np.isin(self.lock, [LOCKS.index(lock) for lock in locks])


def summarise(
    rows: Rows, description: Description, recorded: int, recording_lost: int
) -> dict[str, Any]:
    """Draw the numbers of a session.

    Parameters
    ----------
    rows : Rows
        Everything that happened.
    description : Description
        The microscope: field and affine decide what is held.
    recorded, recording_lost : int
        Frames whose pixels are on disk, and frames that are not but should be.

    Returns
    -------
    dict
        Ready for JSON; what cannot be known is None, never NaN.

        ``frames`` processed by the controller, ``recorded``, ``recording_lost``; ``seconds``
        from the first to the last exposure and ``frame_rate`` of the controller;
        ``first_lock``, the frame in which the target was first locked on; ``held``, the share
        of frames from then on with the target inside the central half of the field, and
        ``rms_error_um`` over the same frames; ``error_from`` says whether errors are the
        ``truth`` of a simulation or the ``detection``; ``lost``, how often the track died;
        ``dropped``, exposures among the processed ones that the controller passed over;
        ``latency_ms`` and ``timings_us`` as p50 and p99; ``faults``;
        ``stage_found``, the delay, speed and acceleration of the stage if readings have told
        them otherwise than they were configured.

    Notes
    -----
    An exposure that the controller passed over counts for ``held`` and ``rms_error_um`` if the
    truth is known. A processed frame without truth in which nothing was seen is not held.
    """
    series = rows.series()
    seconds = float(np.ptp(series.t_s)) if len(series) else 0.0
    processed = int(series.processed.sum())
    return {
        "frames": processed,
        "recorded": recorded,
        "seconds": round(seconds, 6),
        "frame_rate": _rate(series),
        **_centring(series, description),
        "lost": entries(series.is_lock(Lock.LOST)[series.processed]),
        "dropped": _dropped(series.frame[series.processed]),
        "latency_ms": _percentiles(rows.latency_ms),
        "timings_us": {name: _percentiles(us) for name, us in rows.timings_us.items()},
        "recording_lost": recording_lost,
        "faults": list(dict.fromkeys(rows.faults)),
        "stage_found": rows.found and {name: getattr(rows.found, name) for name in _FOUND},
    }


def is_held(series: Series, description: Description) -> NDArray[np.bool_]:
    """Whether the target was inside the central half of the field, (N,); unknown is not.

    The central half reaches a quarter of the width and of the height from the middle, along
    the camera's rows and columns: offsets are turned into pixels by the inverse affine.
    """
    to_px = np.linalg.pinv(np.reshape(description.affine, (2, 2)))
    right, down = to_px @ series.offset_um.T
    return (np.abs(right) <= description.width_px / 4) & (np.abs(down) <= description.height_px / 4)


def _centring(series: Series, description: Description) -> dict[str, Any]:
    locked = series.frame[series.is_lock(Lock.LOCKED)]
    first = int(locked[0]) if len(locked) else None
    if first is None:
        return {"first_lock": None, "held": 0.0, "rms_error_um": None, "error_from": None}
    counts = (series.frame >= first) & (series.truth | series.processed)
    errors = series.error_um[counts]
    errors = errors[np.isfinite(errors)]
    return {
        "first_lock": first,
        "held": float(is_held(series, description)[counts].mean()),
        "rms_error_um": float(np.sqrt(np.mean(errors**2))) if len(errors) else None,
        "error_from": "truth" if series.truth[counts].any() else "detection",
    }


def _rate(series: Series) -> float | None:
    t_s = series.t_s[series.processed]
    return (len(t_s) - 1) / float(np.ptp(t_s)) if len(t_s) > 1 and np.ptp(t_s) > 0 else None


def entries(state: NDArray[np.bool_]) -> int:
    """How often a state was entered; being in it from the start counts."""
    return int(np.count_nonzero(np.diff(state.astype(np.int8), prepend=0) == 1))


def _dropped(processed: NDArray[np.int64]) -> int:
    return int(np.ptp(processed)) + 1 - len(processed) if len(processed) else 0


def _percentiles(values: Iterable[float]) -> dict[str, float] | None:
    """p50 and p99 of what is finite; None if nothing is."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    p50, p99 = np.percentile(numbers, (50, 99))
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
