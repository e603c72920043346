"""Real time beside virtual time: the same scenario, followed by real processes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ....drivers.clock import NS_PER_MS, NS_PER_S, SystemClock
from ....drivers.messages import Description, Issued, Truth
from ...assembly import Simulation, complete, make_loop, open_lockstep
from ...configuration import Config
from ...decisions import Lock
from ...loop import Step
from ...session import Observer, Series, SessionError, is_held, run_live
from ..report import OnProgress, Row, no_progress
from ..sensors import with_camera
from .bound import best_error_um

SIZES = (256, 512, 1024, 2048)
"""Edges of the field that are measured if none is named, in pixels."""
_COUNTED = 0.3
"""Share of the frames that are left out, at the beginning: as elsewhere in this bench."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured: a scenario, a camera, a detector, and what is recorded."""

    scenario: str
    size_px: int
    bits: int | None
    frame_rate: float | None
    detector: str
    keep: str


def run(
    setups: Sequence[Setup],
    seconds: float,
    folder: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> list[Row]:
    """Follow in real time, one after the other, with all processes that a session has.

    Microscope, controller and recorder are started as `pursuit follow` starts them; the simulator
    renders each frame when it is exposed, in the microscope's process, on the same cores.

    Rows are of ``rms_um`` in real time, that in virtual time on the same seed, in which looks cost
    nothing (``virtual_um``), ``ratio`` of the two, that in virtual time with the latency that real
    time had (``late_um``), and ``bound_um`` without it, over the same share of the frames;
    ``lock_s`` from the first exposure to the first lock known; ``held``; ``passed_over``,
    the share of frames that the controller did not look at; ``latency_ms`` and ``p99_ms`` from
    photon to motion; ``recorded``, the share of frames that are on the disk.

    Parameters
    ----------
    setups : sequence of Setup
    seconds : float
        Of each session.
    folder : Path, optional
        Where sessions are recorded for as long as they are measured; otherwise with the system's
        temporary files.
    """
    rows = []
    for done, setup in enumerate(setups, start=1):
        rows.append(_measure(setup, seconds, folder))
        on_progress(done, len(setups))
    return rows


def _measure(setup: Setup, seconds: float, folder: Path | None) -> Row:
    with tempfile.TemporaryDirectory(dir=folder, prefix="pursuit-bench-") as scratch:
        config, simulated = _scene(setup, seconds, Path(scratch))
        scenario = simulated.scenario
        virtual = _in_virtual_time(config, simulated, seconds)
        real = _Measured(virtual.description, SystemClock())
        summary = _follow(config, simulated, Path(scratch) / "session", real)
        late_um = None
        if (latency_ms := real.latency_ms(50)) is not None:
            camera = scenario.camera
            processing_ms = max(latency_ms - camera.exposure_ms / 2 - camera.readout_ms, 0.0)
            late = _scene(setup, seconds, Path(scratch), processing_ms)
            late_um = _in_virtual_time(*late, seconds).rms_um
    interval_ms = virtual.description.interval_ms
    exposed = summary["recorded"] + summary["recording_lost"]
    counted = range(round(_COUNTED * exposed), exposed)
    rms_um, virtual_um = real.rms_um, virtual.rms_um
    return {
        "scenario": setup.scenario,
        "size_px": setup.size_px,
        "bits": scenario.sensor.bits,
        "frames_per_s": 1e3 / interval_ms,
        "detector": setup.detector,
        "keep": setup.keep,
        "rms_um": rms_um,
        "virtual_um": virtual_um,
        "ratio": rms_um / virtual_um if rms_um and virtual_um else None,
        "late_um": late_um,
        "bound_um": best_error_um(scenario, virtual.noise_um, counted)[0],
        "lock_s": real.lock_s,
        "held": real.held,
        "passed_over": summary["dropped"] / (summary["dropped"] + summary["frames"]),
        "latency_ms": latency_ms,
        "p99_ms": real.latency_ms(99),
        "recorded": summary["recorded"] / exposed,
    }


def _in_virtual_time(config: Config, simulated: Simulation, seconds: float) -> _Measured:
    with (
        open_lockstep(config, simulated) as microscope,
        closing(make_loop(config, microscope).steps()) as steps,
    ):
        measured = _Measured(microscope.describe())
        frames = round(seconds * 1e3 / measured.description.interval_ms)
        for step in islice(steps, frames):
            measured.observe(step)
    return measured


def _follow(config: Config, simulated: Simulation, folder: Path, real: Observer) -> dict[str, Any]:
    """Follow in real time; that not every frame could be recorded is no failure here."""
    try:
        return run_live(config, simulated, folder, [real])
    except SessionError as error:
        if not error.summary.get("recording_lost"):
            raise
        return error.summary


def _scene(
    setup: Setup, seconds: float, scratch: Path, processing_ms: float | None = None
) -> tuple[Config, Simulation]:
    camera = setup.size_px, setup.bits, setup.frame_rate
    scenario = with_camera(setup.scenario, scratch, *camera, processing_ms)
    tables: dict[str, Any] = {
        "microscope": {"scenario": str(scenario)},
        "detector": {"name": setup.detector},
        "recording": {"keep": setup.keep},
        "session": {"seconds": seconds},
    }
    config, simulated = complete(tables)
    assert simulated is not None
    return config, simulated


class _Measured(Observer):
    """What is counted of a session; the truth also of frames that were passed over."""

    name, in_step = "The measurement", True

    def __init__(self, description: Description, clock: SystemClock | None = None) -> None:
        self.description, self._clock = description, clock
        self.frames = 0
        self.lock_s: float | None = None
        self._first_ns = 0
        self._truths: dict[int, tuple[float, float]] = {}
        self._latencies_ms: list[float] = []
        self._missed: list[tuple[int, float, float]] = []

    def observe(self, step: Step) -> None:
        decision = step.decision
        self._first_ns = self._first_ns or step.frame.exposed_ns
        self.frames += 1
        if self.lock_s is None and decision.lock is Lock.LOCKED:
            known_ns = self._clock.now_ns() if self._clock else step.frame.exposed_ns
            self.lock_s = (known_ns - self._first_ns) / NS_PER_S
        if decision.seen_um is not None:
            seen = np.subtract(decision.seen_um, decision.pose_um[:2]).tolist()
            self._missed.append((decision.frame, seen[0], seen[1]))
        for report in step.reports:
            if isinstance(report, Truth):
                self._truths[report.frame] = report.x_um, report.y_um
            elif isinstance(report, Issued) and report.exposed_ns:
                self._latencies_ms.append((report.issued_ns - report.exposed_ns) / NS_PER_MS)

    @property
    def rms_um(self) -> float | None:
        """Centring error after the beginning; None if there was no lock."""
        errors = self._series().error_um
        return float(np.sqrt(np.mean(errors**2))) if self.lock_s is not None else None

    @property
    def held(self) -> float:
        """Share of the same frames with the target in the central half of the field."""
        return float(is_held(self._series(), self.description).mean())

    @property
    def noise_um(self) -> float:
        """Robust standard deviation of a detected position along one axis."""
        missed = np.array(
            [np.subtract((x, y), self._truths[i]) for i, x, y in self._missed if i in self._truths]
        )
        return 1.4826 * float(np.median(np.abs(missed - np.median(missed, axis=0)), axis=0).mean())

    def latency_ms(self, percentile: float) -> float | None:
        """Photon to motion; None if nothing moved."""
        return float(np.percentile(self._latencies_ms, percentile)) if self._latencies_ms else None

    def _series(self) -> Series:
        last = max(self._truths)
        frames = [index for index in sorted(self._truths) if index >= _COUNTED * last]
        offsets = np.array([self._truths[index] for index in frames])
        unknown, n = np.full((len(frames), 2), np.nan), len(frames)
        known, lock = np.ones(n, bool), np.zeros(n, np.int8)
        return Series(np.array(frames), unknown[:, 0], unknown, offsets, known, lock)
