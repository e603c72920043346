"""The stage forecast: what a stage is about to do, for a controller that sends it moves."""

from __future__ import annotations

from collections.abc import Sequence

from ..clock import NS_PER_MS
from ..messages import Dynamics, Frame
from .axis import State
from .compensation import Timing, shaped_target
from .loaded_axis import LoadedAxis


class StageForecast:
    """The model of an XY stage, from the moves that were sent and the poses of frames.

    Moves and poses are of the load: backlash is compensated where the stage is commanded, and
    ringing here.

    Parameters
    ----------
    dynamics : Dynamics
        Until others have been identified.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        self._axes = tuple(LoadedAxis(0.0, dynamics, backlash_um=0.0) for _ in range(2))
        self._frame: Frame | None = None

    @property
    def dynamics(self) -> Dynamics:
        """How the stage answers commands."""
        return self._axes[0].drive.dynamics

    def see(self, frame: Frame) -> None:
        """Correct the model by where the stage was in a frame."""
        self._frame = frame
        exposure_ns = round(frame.exposure_ms * NS_PER_MS)
        for axis, at_um in zip(self._axes, (frame.pose.x_um, frame.pose.y_um), strict=True):
            axis.locate(at_um, frame.exposed_ns, exposure_ns)

    def expect(self, arrives_ns: int, target_um: Sequence[float | None]) -> None:
        """Expect x and y to be sent to targets; None leaves an axis alone."""
        for axis, target in zip(self._axes, target_um, strict=True):
            if target is not None:
                axis.command(arrives_ns, target)
        self._correct_if_late(arrives_ns)

    def expect_velocity(
        self, arrives_ns: int, velocity_um_s: tuple[float, float], ends_ns: int
    ) -> None:
        """Expect x and y to be given velocities, which end; never if that is not in the future."""
        for axis, velocity in zip(self._axes, velocity_um_s, strict=True):
            axis.drive.set_velocity(arrives_ns, velocity)
            if ends_ns > arrives_ns:
                axis.drive.halt(ends_ns)
        self._correct_if_late(arrives_ns)

    def _correct_if_late(self, arrives_ns: int) -> None:
        """Correct the model anew if what it has learned shows in the last frame."""
        if self._frame is not None:
            shows_ns = arrives_ns + self.dynamics.delay_ms * NS_PER_MS
            if shows_ns < self._frame.exposed_ns + self._frame.exposure_ms * NS_PER_MS / 2:
                self.see(self._frame)

    def identified(self, dynamics: Dynamics) -> None:
        """Take the stage for one with other dynamics, moves under way included."""
        for axis in self._axes:
            axis.identified(dynamics)
        if self._frame is not None:
            self.see(self._frame)

    def states(self, at_ns: int) -> tuple[State, State]:
        """Position and velocity of the drive along x and y at an instant if no more is sent."""
        x, y = self._axes
        return x.state(at_ns), y.state(at_ns)

    def targets_um(
        self, at_ns: int, position_um: Sequence[float], stride_um: Sequence[float], timing: Timing
    ) -> list[float]:
        """Return the input-shaped lookahead targets of x and y, see `shaped_target`.

        Parameters
        ----------
        at_ns : int
            When the command comes into force.
        position_um, stride_um : (x, y)
            Where the load should be at the first exposure that it can affect, and how much
            further an interval later.
        timing : Timing
        """
        return [
            shaped_target(
                axis.state(at_ns), axis.acceleration_steps(at_ns), to, stride, timing, axis.ringing
            )
            for axis, to, stride in zip(self._axes, position_um, stride_um, strict=True)
        ]
