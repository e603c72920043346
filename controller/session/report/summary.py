"""The numbers of a session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....drivers.messages import Description
from ...decisions import Lock
from .series import LOCKS, Rows, Series

_FOUND = ("delay_ms", "speed_um_s", "acceleration_um_s2")
"""What readings can tell of a stage; the other numbers of `Dynamics` are taken as configured."""


def summarise(
    rows: Rows, description: Description, recorded: int, recording_lost: int
) -> dict[str, Any]:
    """Compute the numbers of a session.

    Parameters
    ----------
    rows : Rows
        What happened.
    description : Description
        The microscope: field and affine decide what is held.
    recorded, recording_lost : int
        Frames whose pixels are on disk, and frames that are not but should be.

    Returns
    -------
    dict
        Ready for JSON; what cannot be known is None, never NaN.

        ``frames`` processed by the controller, ``detections`` in each on average; ``recorded``,
        ``recording_lost``; ``seconds`` from the first to the last exposure and ``frame_rate``
        of the controller;
        ``first_lock``, the frame in which the target was first locked on, and
        ``answered_from``, the first one after the first moves; ``held``, the share of frames
        from then on with the target inside the central half of the field, and
        ``rms_error_um`` over the same frames; ``error_from`` says whether errors are the
        ``truth`` of a simulation or the ``detection``; ``lost``, how often the track ended;
        ``followed``, what was followed: the ``target``, a ``daughter`` of it or an ``other``
        object, each ``from_s`` on in so many ``frames``; ``frames_followed``, all of them, and
        ``unseen``, those in which it was not seen;
        ``last_seen_s`` and ``lock_at_end``, when the target was last seen, and what it was in
        the last frame; ``answered``, whether the picture had answered to the stage as the
        calibration says; ``held_by`` and ``held_since_s``, what kept the stage from the target at
        the end (``"limits"``, ``"hand"`` or nothing) and since when; ``hand_s``, when a hand began
        to move the stage for the last time; ``dropped``, exposures among the processed ones that
        the controller passed over;
        ``latency_ms`` and ``timings_us`` as p50 and p99; ``faults``;
        ``stage_found``, the delay, speed and acceleration of the stage if readings differ from
        what was configured, unless there were faults or the picture did not answer: a stage that
        is jammed, or moved by hand, answers otherwise, too.

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
        "detections": rows.detections / max(processed, 1),
        "recorded": recorded,
        "seconds": round(seconds, 6),
        "frame_rate": _rate(series),
        "answered_from": rows.answered_from,
        **_centring(series, rows.answered_from, description),
        "followed": rows.followed.parts,
        "frames_followed": rows.followed.frames,
        "unseen": rows.followed.unseen,
        "last_seen_s": _last_seen_s(series),
        "lock_at_end": _lock_at_end(series),
        "answered": rows.answers,
        "held_by": rows.held_by,
        "held_since_s": rows.held_since_s,
        "hand_s": rows.hand_s,
        "lost": entries(series.is_lock(Lock.LOST)[series.processed]),
        "dropped": _dropped(series.frame[series.processed]),
        "latency_ms": _percentiles(rows.latency_ms),
        "timings_us": {name: _percentiles(us) for name, us in rows.timings_us.items()},
        "recording_lost": recording_lost,
        "faults": list(dict.fromkeys(rows.faults)),
        "stage_found": _stage_found(rows),
    }


def _stage_found(rows: Rows) -> dict[str, float] | None:
    if rows.found is None or rows.faults or not rows.answers:
        return None
    return {name: getattr(rows.found, name) for name in _FOUND}


def is_held(series: Series, description: Description) -> NDArray[np.bool_]:
    """Whether the target was inside the central half of the field, (N,); unknown is not.

    The central half reaches a quarter of the width and of the height from the middle, along
    the camera's rows and columns: offsets are turned into pixels by the inverse affine.
    """
    to_px = np.linalg.pinv(np.reshape(description.affine, (2, 2)))
    right, down = to_px @ series.offset_um.T
    return (np.abs(right) <= description.width_px / 4) & (np.abs(down) <= description.height_px / 4)


def _centring(
    series: Series, answered_from: int | None, description: Description
) -> dict[str, Any]:
    locked = series.frame[series.is_lock(Lock.LOCKED)]
    first = int(locked[0]) if len(locked) else None
    if first is None or answered_from is None:
        return {"first_lock": first, "held": 0.0, "rms_error_um": None, "error_from": None}
    begin = max(first, answered_from)
    counts = (series.frame >= begin) & (series.truth | series.processed)
    errors = series.error_um[counts]
    errors = errors[np.isfinite(errors)]
    return {
        "first_lock": first,
        "held": float(is_held(series, description)[counts].mean()),
        "rms_error_um": float(np.sqrt(np.mean(errors**2))) if len(errors) else None,
        "error_from": "truth" if series.truth[counts].any() else "detection",
    }


def _last_seen_s(series: Series) -> float | None:
    seen_s = series.t_s[series.is_lock(Lock.LOCKED)]
    return round(float(seen_s[-1] - series.t_s[0]), 6) if len(seen_s) else None


def _lock_at_end(series: Series) -> Lock | None:
    locks = series.lock[series.processed]
    return LOCKS[locks[-1]] if len(locks) else None


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
