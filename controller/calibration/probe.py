"""The stand under calibration: small moves within its limits, and the frames around them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import NS_PER_S, Clock
from ...drivers.messages import Description, Fault, Frame, Issued, Move, PoseRead, Report
from ...drivers.microscope import Frames, Microscope, MicroscopeError
from .moves import Order, Reading, Segment

Floats = NDArray[np.float64]

_EXPIRES_S = 5.0
"""After which a move that has not gone out is dropped. Chosen: longer than a stage is busy."""
_PAUSE_S = 0.05
"""Between the last frame and a move. Chosen: longer than what handles a frame may take, so that the
move goes out when it is meant to."""
_LEAST_SPEED_UM_S = 200.0
"""With which the way home is reckoned. Chosen: slower than motorised stages are."""
_HOME_S = 0.5, 5.0
"""Least and longest wait at the end until the stage has come home. Chosen."""

_INTERVALS = 8
"""Frames from which the time between them is measured. Chosen: its median is exact."""


class NotCalibratedError(RuntimeError):
    """The stand cannot be calibrated; the text is one sentence that says what to do."""


class Probe:
    """Moves the stage of a microscope a little, takes frames, and brings the stage back.

    A context manager: leaving it, for whatever reason, sends the stage to where it began.

    Parameters
    ----------
    microscope : Microscope
        Without compensation of backlash: commands go to the drive as they are.
    clock : Clock
        Of the microscope.
    on_time : callable
        Told how many seconds of the stand's time have passed.

    Attributes
    ----------
    at_um : (2,)
        Where the stage was sent last.
    furthest_um : float
        How far from where it began.
    orders, readings : list
        All commands, and what the stage has said.
    """

    def __init__(
        self, microscope: Microscope, clock: Clock, on_time: Callable[[float], None]
    ) -> None:
        self._microscope, self._clock, self._on_time = microscope, clock, on_time
        self.about: Description = microscope.describe()
        self._frames: Frames = microscope.frames()
        self._begin_ns = clock.now_ns()
        self._home: tuple[Floats, float] | None = None
        self.at_um = np.zeros(2)
        self._sent_um: set[tuple[float, float]] = set()
        self.furthest_um = 0.0
        self.orders: list[Order] = []
        self.readings: list[Reading] = []

    def __enter__(self) -> Probe:
        first = self.frame()
        self._home = np.array([first.pose.x_um, first.pose.y_um]), first.pose.z_um
        self.at_um = self.home_um.copy()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            if self._home is not None and self._sent_um:
                self._return_home()
        finally:
            self._frames.close()

    @property
    def home_um(self) -> Floats:
        """Where the stage began, (2,)."""
        assert self._home is not None
        return self._home[0]

    @property
    def home_z_um(self) -> float:
        """Where the focus drive began."""
        assert self._home is not None
        return self._home[1]

    @property
    def elapsed_s(self) -> float:
        """Time that the stand has been used."""
        return (self._clock.now_ns() - self._begin_ns) / NS_PER_S

    @property
    def field_px(self) -> int:
        """Shorter edge of a frame."""
        return min(self.about.width_px, self.about.height_px)

    def room_um(self, axis: int, direction: int) -> float:
        """How far the limits let the stage go from where it stands."""
        low, high = self.about.limits_um[axis]
        return high - self.at_um[axis] if direction > 0 else self.at_um[axis] - low

    def frame(self) -> Frame:
        """Return the next frame."""
        taken = next(self._frames)
        self._on_time(self.elapsed_s)
        return taken

    def watch(self, seconds: float, least: int) -> list[Frame]:
        """Return the frames of a time, at least so many."""
        frames = [self.frame()]
        while len(frames) < least or frames[-1].exposed_ns < frames[0].exposed_ns + (
            seconds * NS_PER_S
        ):
            frames.append(self.frame())
        return frames

    def interval_s(self) -> float:
        """Measure the time from frame to frame."""
        at_ns = [frame.exposed_ns for frame in self.watch(0.0, _INTERVALS)]
        return float(np.median(np.diff(at_ns))) / NS_PER_S

    def wait(self, seconds: float) -> None:
        """Let time pass; frames of it are passed over."""
        self._clock.sleep_until_ns(self._clock.now_ns() + round(seconds * NS_PER_S))

    def go(self, to_um: Floats) -> tuple[int, list[Frame]]:
        """Send the stage to a position; return when it was told, and frames taken meanwhile.

        Raises
        ------
        NotCalibratedError
            If the position is outside the limits, or the stage takes no commands.
        """
        for axis, (low, high) in enumerate(self.about.limits_um[:2]):
            if not low <= to_um[axis] <= high:
                raise NotCalibratedError(
                    f"The limits are too near: {'xy'[axis]} = {to_um[axis]:.1f} µm is needed and "
                    f"[{low:g}, {high:g}] allowed; move the stage away from its limits, or widen "
                    "them under [limits]."
                )
        self._sent_um.add((float(to_um[0]), float(to_um[1])))
        from_um, self.at_um = self.at_um, np.array(to_um, float)
        self.furthest_um = max(self.furthest_um, float(np.abs(to_um - self.home_um).max()))
        issued_ns, frames = self.send(float(to_um[0]), float(to_um[1]), None)
        self.orders.append(Order(issued_ns, from_um, self.at_um))
        return issued_ns, frames

    def send(
        self, x_um: float | None, y_um: float | None, z_um: float | None
    ) -> tuple[int, list[Frame]]:
        """Move some axes; return when they were told, and frames taken meanwhile.

        Raises
        ------
        NotCalibratedError
            If the microscope refuses, or takes no commands.
        """
        self._reports()
        expires_ns = self.order(x_um, y_um, z_um)
        frames: list[Frame] = []
        while (issued_ns := self._issued_ns()) is None:
            if self._clock.now_ns() > expires_ns:
                raise NotCalibratedError(
                    "The stage took no move for 5 s: check that nothing else moves it, and that it "
                    "is switched on."
                )
            frames.append(self.frame())
        return issued_ns, frames

    def order(self, x_um: float | None, y_um: float | None, z_um: float | None) -> int:
        """Ask for a move, and wait for nothing; return when it expires."""
        expires_ns = self._clock.now_ns() + round(_EXPIRES_S * NS_PER_S)
        self._microscope.move(Move(x_um, y_um, z_um, expires_ns, 0))
        return expires_ns

    def record(
        self, to_um: Floats, *, phase_s: float, before: tuple[float, int], after: tuple[float, int]
    ) -> Segment:
        """Move, and take frames from before the move until after it.

        Parameters
        ----------
        to_um : (2,)
        phase_s : float
            Wait before the move, so that moves fall at various times between exposures.
        before, after : (float, int)
            How long, and how many frames at least.
        """
        from_um, frames = self.at_um, self.watch(*before)
        self.wait(_PAUSE_S + phase_s)
        command_ns, meanwhile = self.go(to_um)
        frames += meanwhile
        seconds, least = after
        count = len(frames)
        while len(frames) - count < least or frames[-1].exposed_ns < command_ns + (
            seconds * NS_PER_S
        ):
            frames.append(self.frame())
        return Segment(command_ns, from_um, self.at_um, frames)

    def _issued_ns(self) -> int | None:
        for report in self._reports():
            if isinstance(report, Issued):
                return report.issued_ns
            if isinstance(report, Fault):
                raise NotCalibratedError(report.text)
        return None

    def _reports(self) -> list[Report]:
        """Return what the microscope has told, and keep what the stage has said."""
        reports = self._microscope.reports()
        self.readings += [
            Reading(report.pose.at_ns, np.array(report.drive_um))
            for report in reports
            if isinstance(report, PoseRead) and report.drive_um is not None
        ]
        return reports

    def _return_home(self) -> None:
        x, y = self.home_um.tolist()
        way_um = float(np.abs(self.at_um - self.home_um).max())
        with suppress(MicroscopeError):  # one that was stopped stays where it is
            self.order(x, y, None)
        least, most = _HOME_S
        self.wait(min(max(way_um / _LEAST_SPEED_UM_S, least), most))
        self.at_um = self.home_um.copy()
