"""Time from a readable frame to its move, as a user's session has it: three real processes."""

import tempfile
from pathlib import Path

import numpy as np

from ...assembly import complete
from ...loop import Step
from ...session import Observer, run_live
from ..report import Row
from ..sensors import with_camera

_SIZE_PX = 512
"""Edge of a frame; chosen: that of the camera mode which following is meant for."""
_WARM_UP = 100
"""Moves that do not count; chosen: a second, in which caches fill."""
_WAY = ("wire",)
_LOOP = ("receive", "track", "plan", "move")
"""Laps of a step, see `Stopwatch`: on the way to the controller, and in it."""


def run(seconds: float) -> list[Row]:
    """Follow a swimmer at 100 frames/s of 512 × 512, recording, and time the loop.

    ``total`` is the controller's part: from the moment at which its process can read the frame
    until the move has been handed to the socket, less what the detector takes. ``wire`` is the
    way there, from the moment at which Micro-Manager has the pixels in the other process;
    ``camera to move`` is both.
    """
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
        run_live(config, simulated, Path(temporary) / "session", [laps])
    if len(laps.ms) <= _WARM_UP:
        raise RuntimeError(
            f"There were {len(laps.ms)} moves, and {_WARM_UP} are to warm up: give more --seconds."
        )
    stages = np.array(laps.ms[_WARM_UP:])
    columns: dict[str, np.ndarray] = dict(zip((*_WAY, *_LOOP), stages.T, strict=True))
    columns["total"] = stages[:, len(_WAY) :].sum(axis=1)
    columns["camera to move"] = stages.sum(axis=1)
    return [
        {
            "stage": name,
            "p50_ms": float(np.percentile(ms, 50)),
            "p99_ms": float(np.percentile(ms, 99)),
        }
        for name, ms in columns.items()
    ]


class _Laps(Observer):
    """Collects the laps of all steps that ended in a move, in ms."""

    name, in_step = "The stopwatch", True

    def __init__(self) -> None:
        self.ms: list[list[float]] = []

    def observe(self, step: Step) -> None:
        laps_us = step.decision.timings_us
        if step.decision.move_um is not None:
            self.ms.append([laps_us[name] / 1e3 for name in (*_WAY, *_LOOP)])
