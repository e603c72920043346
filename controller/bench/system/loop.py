"""Time from a readable frame to its move, as a user's session has it: three real processes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....drivers.microscope import Microscope
from ....sim.movie import Movie
from ...assembly import complete, make_loop
from ...configuration import Config
from ...loop import Step
from ...session import Follows, Observer, run_live
from ..report import Row
from ..sensors import with_camera
from .floor import FloorLoop

_SIZE_PX = 512
"""Edge of a frame; chosen: that of the camera mode which following is meant for."""
_WARM_UP = 100
"""Moves that do not count; chosen: a second, in which caches fill."""
_WAY = ("wire",)
_LOOP = ("receive", "track", "plan", "move")
"""Laps of a step, see `Stopwatch`: on the way to the controller, and in it."""
_ALL = "camera to move"

Columns = dict[str, NDArray[np.float64]]


def run(seconds: float) -> list[Row]:
    """Follow a swimmer at 100 frames/s of 512 × 512, recording, and time the loop.

    ``total`` is the controller's part: from the moment at which its process can read the frame
    until the move has been handed to the socket, less what the detector takes. ``wire`` is the
    way there, from the moment at which Micro-Manager has the pixels in the other process;
    ``camera to move`` is both. ``floor`` is ``total``, and ``floor: camera to move`` that, of the
    least controller there can be in the same processes, see `FloorLoop`, whose looking for the
    brightest pixel counts; ratios are to these.
    """
    ours, floor = _times(seconds, make_loop), _times(seconds, lambda _, there, __: FloorLoop(there))
    ways = {"total": "floor", _ALL: f"floor: {_ALL}"}
    columns = ours | {below: floor[way] for way, below in ways.items()}
    rows = []
    for name, ms in columns.items():
        p50, p99 = (float(number) for number in np.percentile(ms, (50, 99)))
        row: Row = {"stage": name, "p50_ms": p50, "p99_ms": p99}
        if name in ways:
            least = np.percentile(floor[name], (50, 99))
            row |= {"p50_ratio": p50 / float(least[0]), "p99_ratio": p99 / float(least[1])}
        rows.append(row)
    return rows


def _times(seconds: float, make: Callable[[Config, Microscope, Movie | None], Follows]) -> Columns:
    """Time in ms of each lap of each move, (N,), and of the ways that they make up."""
    laps = _Laps()
    with tempfile.TemporaryDirectory(prefix="pursuit-bench-") as temporary:
        scenario = with_camera("swimmer", Path(temporary), _SIZE_PX)
        config, simulated = complete(
            {
                "microscope": {"scenario": str(scenario)},
                "detector": {"name": "blobs"},
                "session": {"seconds": seconds},
            }
        )
        run_live(config, simulated, Path(temporary) / "session", [laps], make=make)
    if len(laps.ms) <= _WARM_UP:
        raise RuntimeError(
            f"There were {len(laps.ms)} moves, and {_WARM_UP} are to warm up: give more --seconds."
        )
    stages = np.array(laps.ms[_WARM_UP:])
    columns: Columns = dict(zip((*_WAY, *_LOOP), stages.T, strict=True))
    columns["total"] = stages[:, len(_WAY) :].sum(axis=1)
    columns[_ALL] = stages.sum(axis=1)
    return columns


class _Laps(Observer):
    """Collects the laps of all steps that ended in a move, in ms."""

    name, in_step = "The stopwatch", True

    def __init__(self) -> None:
        self.ms: list[list[float]] = []

    def observe(self, step: Step) -> None:
        laps_us = step.decision.timings_us
        if step.decision.move_um is not None:
            self.ms.append([laps_us.get(name, 0.0) / 1e3 for name in (*_WAY, *_LOOP)])
