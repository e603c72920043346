"""What a person sees while a session runs, and when it has ended."""

from __future__ import annotations

import math
import threading
from collections import deque
from statistics import median
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...drivers.clock import NS_PER_MS, NS_PER_S
from ...drivers.messages import Issued
from ..decisions import Lock
from ..loop import Step
from .observers import Observer

_PER_S = 4
"""How often the line is drawn; chosen: numbers that change faster cannot be read."""
_AVERAGED = 200
"""Steps over which errors and latencies are averaged; chosen: two seconds of common cameras."""
_MANY_DROPPED = 0.2
"""Frames passed over for each one that was looked at, from which that is explained. Chosen: fewer
come from a busy computer now and then."""
_COLOURS = {
    Lock.SEARCHING: "yellow",
    Lock.LOCKED: "green",
    Lock.COASTING: "yellow",
    Lock.LOST: "red",
}


class Progress(Observer):
    """A line that tells how the following goes, redrawn a few times a second, and notes.

    Parameters
    ----------
    console : Console
        Where to draw; nothing is drawn unless it is a terminal.
    seconds : float or None
        How long the session will last.
    """

    name = "The progress line"

    def __init__(self, console: Console, seconds: float | None) -> None:
        self._console, self._seconds = console, seconds
        self._frames = 0
        self._first: Step | None = None
        self._step: Step | None = None
        self._errors_um: deque[float] = deque(maxlen=_AVERAGED)
        self._latencies_ms: deque[float] = deque(maxlen=_AVERAGED)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def observe(self, step: Step) -> None:
        """Take note of a step of the loop."""
        self._first = self._first or step
        self._step = step
        self._frames += 1
        decision = step.decision
        if decision.seen_um is not None:
            x, y, _ = decision.pose_um
            self._errors_um.append(math.hypot(decision.seen_um[0] - x, decision.seen_um[1] - y))
        for note in decision.notes:
            self._console.print(note, style="dim", highlight=False, markup=False)
        for report in step.reports:
            if isinstance(report, Issued) and report.exposed_ns:
                self._latencies_ms.append((report.issued_ns - report.exposed_ns) / NS_PER_MS)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._console.is_terminal:
            self._thread.join(timeout=2)
            self._live.stop()

    def _draw(self) -> None:
        while not self._ended.wait(1 / _PER_S):
            self._live.update(self._line(), refresh=True)

    def _line(self) -> Text:
        step, first = self._step, self._first
        if step is None or first is None:
            return Text("waiting for the first frame …", style="dim")
        elapsed_s = (step.frame.exposed_ns - first.frame.exposed_ns) / NS_PER_S
        rate = (self._frames - 1) / elapsed_s if elapsed_s > 0 else 0.0
        dropped = step.frame.index - first.frame.index + 1 - self._frames
        lock = step.decision.lock
        of = f"/{self._seconds:g}" if self._seconds else ""
        line = Text.assemble(
            f"{elapsed_s:.1f}{of} s  ",
            (f"{lock:<9}", _COLOURS[lock]),
            f"  {self._frames} frames  {rate:.0f}/s  {dropped} dropped",
            no_wrap=True,
            overflow="ellipsis",
        )
        if self._errors_um:
            line.append(f"  error {_rms(self._errors_um):.2f} µm")
        if self._latencies_ms:
            line.append(f"  latency {median(list(self._latencies_ms)):.1f} ms")
        return line


def print_summary(console: Console, summary: dict[str, Any]) -> None:
    """Print what a session came to."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, text in _summary_rows(summary):
        table.add_row(name, Text(text))
    console.print(table)


def _summary_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    frames = f"{summary['frames']} in {summary['seconds']:.1f} s"
    if summary.get("frame_rate"):
        frames += f" ({summary['frame_rate']:.1f}/s)"
    rows = [("frames", f"{frames}, {summary['dropped']} dropped, {summary['recorded']} recorded")]
    if summary["dropped"] > _MANY_DROPPED * summary["frames"] > 0:
        rows.append(("slow", _why_dropped(summary)))
    if summary["rms_error_um"] is not None:
        rows.append(("held", f"{summary['held']:.1%} of frames in the central half of the field"))
        rows.append(("error", f"{summary['rms_error_um']:.3f} µm RMS, by {summary['error_from']}"))
    rows.append(("lost", f"{summary['lost']} times"))
    if summary["latency_ms"]:
        p50, p99 = summary["latency_ms"]["p50"], summary["latency_ms"]["p99"]
        rows.append(("latency", f"photon to motion {p50:.1f} ms median, {p99:.1f} ms p99"))
    rows.extend(("warning", fault) for fault in summary["faults"])
    if summary["stage_found"]:
        found = summary["stage_found"].items()
        numbers = ", ".join(f"{name} = {float(f'{number:.3g}'):g}" for name, number in found)
        rows.append(("stage", f"answers otherwise than [stage] says; write there: {numbers}"))
    rows.append(("session", summary["session"]))
    return rows


def _why_dropped(summary: dict[str, Any]) -> str:
    """Say what takes longer than there is time from one frame to the next, and what helps."""
    each_ms = 1e3 * summary["seconds"] / (summary["frames"] + summary["dropped"])
    took_ms = sum(took["p50"] for took in summary["timings_us"].values() if took) / 1e3
    return (
        f"frames come every {each_ms:.3g} ms and take {took_ms:.3g} ms here: a faster detector "
        "(blobs), fewer pixels, a longer interval or a faster computer would see more of them"
    )


def _rms(values: deque[float]) -> float:
    numbers = list(values)
    return math.sqrt(sum(v * v for v in numbers) / len(numbers))
