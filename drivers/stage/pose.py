"""The pose model: where the stage was while light was collected, without asking it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ..clock import NS_PER_MS
from ..messages import Dynamics, StagePose
from .axis import Axis, State
from .identification import Identification
from .loaded_axis import LoadedAxis
from .takeover import Takeover
from .uncertainty import PoseUncertainty

_SURE_NS = 2 * NS_PER_MS
"""By how much a call may take longer than usual and its instant still be known. Chosen: twice the
error of time of a reading that identification counts with."""
_LONGEST_DOUBT_NS = 250 * NS_PER_MS
"""Of a command of unknown time. Chosen: longer than common moves take."""


class PoseModel:
    """Stage pose at any recent instant from readings, commands and dynamics.

    Reading a stage takes 5 to 20 ms over a serial line, so the pose is modelled: every command
    is run through the trapezoid of its axis, and each reading corrects what the model got wrong
    (drift, a joystick). What is left of the disagreement is an error of position and an error
    of time, which matters in motion; the uncertainty is learned from both. Commands and readings
    are of the drive; the pose is that of the load, which follows through backlash and rings.
    A stage that others move is where it was read last.

    Safe to use from several threads.

    Parameters
    ----------
    position_um : (x, y, z)
        Where the stage rests.
    dynamics, focus_dynamics : Dynamics
        Of the XY stage and the focus drive, as the user states them.
    waits : bool
        As of `Takeover`.

    Attributes
    ----------
    nominal, nominal_focus : Dynamics
        Of the XY stage and of the focus drive, as stated.
    """

    def __init__(
        self,
        position_um: tuple[float, float, float],
        dynamics: Dynamics,
        focus_dynamics: Dynamics,
        waits: bool = False,
    ) -> None:
        self.nominal, self.nominal_focus = dynamics, focus_dynamics
        kinds = (dynamics, dynamics, focus_dynamics)
        self._axes = [
            LoadedAxis(p, d, d.backlash_um) for p, d in zip(position_um, kinds, strict=True)
        ]
        self._identification = Identification(dynamics)
        self._uncertainty = PoseUncertainty()
        self._takeover = Takeover(waits)
        self._unsure_until_ns = 0
        self._lock = threading.Lock()

    def commanded(self, at_ns: int, *target_um: float | None) -> None:
        """Note that the drives were sent to (x, y, z) in stage µm; None leaves an axis alone."""
        with self._lock:
            for axis, target in zip(self._axes, target_um, strict=False):
                if target is not None:
                    axis.command(at_ns, target)
            self._takeover.commanded(at_ns, (self._axes[0].target_um, self._axes[1].target_um))

    def command_late(self, at_ns: int, late_ns: int) -> None:
        """Note by how much longer than usual the last command took: when it came is not known.

        Readings of the move that it began tell nothing of the stage's dynamics.
        """
        with self._lock:
            if late_ns > _SURE_NS:
                rest_ns = max(axis.rest_ns for axis in self._drives()) + late_ns
                self._unsure_until_ns = min(rest_ns, at_ns + _LONGEST_DOUBT_NS)

    def drive_targets_um(self, at_ns: int, *load_um: float | None) -> list[float | None]:
        """Where the drives must be sent at an instant to bring the load to (x, y, z)."""
        with self._lock:
            return [
                None if load is None else axis.drive_target_um(at_ns, load)
                for axis, load in zip(self._axes, load_um, strict=False)
            ]

    def velocity_set(self, at_ns: int, *velocity_um_s: float) -> None:
        """Note that the stage was given a velocity along x and y."""
        with self._lock:
            self._identification.forget()
            self._takeover.forget(at_ns)
            for axis, velocity in zip(self._axes, velocity_um_s, strict=False):
                axis.drive.set_velocity(at_ns, velocity)

    def halted(self, at_ns: int) -> None:
        """Note that the stage was told to stop."""
        with self._lock:
            for axis in self._axes:
                axis.drive.halt(at_ns)

    def read(self, at_ns: int, *position_um: float, late_ns: int = 0) -> None:
        """Correct the model with a position that was read from the stage.

        Parameters
        ----------
        at_ns : int
        position_um : x, y, z
        late_ns : int
            By how much longer than usual the reading took: the dynamics of a stage in motion are
            not learned from one that took clearly longer.
        """
        with self._lock:
            drives = self._drives()
            off = self._residuals_um(at_ns, position_um)
            if any(axis.drive.keeps_velocity(at_ns) for axis in self._axes):
                self._takeover.forget(at_ns)
            if self._takeover.note(at_ns, (position_um[0], position_um[1])):
                self._put(at_ns, position_um[:2], off[:2])
                return
            of_known_time = self._is_of_known_time(at_ns, late_ns)
            if of_known_time and not any(a.drive.keeps_velocity(at_ns) for a in self._axes):
                x, y = (
                    p - axis.offset_um for p, axis in zip(position_um, self._axes[:2], strict=False)
                )
                self._identification.note(at_ns, (x, y))
            contradiction = self._uncertainty.is_contradiction(drives, at_ns, off[:2])
            avoidable = self._uncertainty.is_avoidable(drives, at_ns, off[:2])
            if of_known_time and (contradiction or avoidable):
                self._identify(at_ns)
                drives, off = self._drives(), self._residuals_um(at_ns, position_um)
            elif of_known_time:
                self._identification.confirm()
            share = 1.0 if contradiction else self._uncertainty.correction_share
            self._uncertainty.learn(drives, at_ns, off[:2], contradiction=contradiction)
            for axis, residual in zip(self._axes, off, strict=False):
                axis.correct(at_ns, residual, share)

    def _is_of_known_time(self, at_ns: int, late_ns: int) -> bool:
        """Whether a reading is of a stage at rest, or it is known of when and when it was sent."""
        before_ns, after_ns = at_ns - late_ns, at_ns + late_ns
        at_rest = all(a.state(before_ns)[0] == a.state(after_ns)[0] for a in self._drives())
        return at_ns >= self._unsure_until_ns and (late_ns <= _SURE_NS or at_rest)

    def _put(self, at_ns: int, position_um: Sequence[float], off_um: Sequence[float]) -> None:
        """Put x and y where they were read, whatever brought them there."""
        for axis, position in zip(self._axes, position_um, strict=False):
            axis.reset(at_ns, position)
        self._identification.forget()
        self._uncertainty.contradicted(at_ns, off_um)

    @property
    def taken_over(self) -> bool:
        """Whether the XY stage is moved by others, as by a hand on the joystick."""
        with self._lock:
            return self._takeover.active

    @property
    def yields(self) -> bool:
        """Whether it is, or may be so that nothing should be sent until the next reading."""
        with self._lock:
            return self._takeover.active or self._takeover.suspected

    def take_back(self) -> None:
        """Take the stage for one again that goes where it is sent."""
        with self._lock:
            self._takeover.end()

    @property
    def identified(self) -> Dynamics | None:
        """Dynamics of the XY stage, if readings have shown that they are not the nominal ones."""
        with self._lock:
            found = self._axes[0].drive.dynamics
        return None if found == self.nominal else found

    def wants_reading(self, at_ns: int) -> bool:
        """Whether a reading is informative, see `PoseUncertainty`, or the stage moved by others."""
        with self._lock:
            yields = self._takeover.active or self._takeover.suspected
            return yields or self._uncertainty.wants_reading(self._drives(), at_ns)

    def reset(self, at_ns: int, position_um: tuple[float, float, float]) -> None:
        """Forget all commands: the stage was read at rest at ``position_um``."""
        with self._lock:
            for axis, position in zip(self._axes, position_um, strict=True):
                axis.reset(at_ns, position)
            self._identification.forget()
            self._uncertainty.reset(at_ns)
            self._takeover.forget(at_ns)

    def pose(self, at_ns: int, exposure_ns: int = 0) -> StagePose:
        """Return the modelled pose at an instant, or its mean over an exposure around that."""
        with self._lock:
            sigma = self._uncertainty.sigma_um(self._drives(), at_ns)
            x, y, z = (axis.load_um(at_ns, exposure_ns) for axis in self._axes)
        return StagePose(x, y, z, at_ns, sigma)

    def sigma_um(self, at_ns: int) -> float:
        """Pose uncertainty: the standard deviation along one axis at an instant."""
        with self._lock:
            return self._uncertainty.sigma_um(self._drives(), at_ns)

    def states(self, at_ns: int) -> tuple[State, State]:
        """Position and velocity of the x and y drives, commands under way included."""
        with self._lock:
            return self._axes[0].state(at_ns), self._axes[1].state(at_ns)

    @property
    def target_um(self) -> tuple[float, float, float]:
        """Where each drive is going, or rests."""
        with self._lock:
            x, y, z = (axis.target_um for axis in self._axes)
        return x, y, z

    def moving(self, at_ns: int) -> bool:
        """Whether any axis should still be moving or settling."""
        with self._lock:
            return any(at_ns < axis.settled_ns for axis in self._axes)

    def _drives(self) -> list[Axis]:
        return [axis.drive for axis in self._axes[:2]]

    def _residuals_um(self, at_ns: int, position_um: tuple[float, ...]) -> list[float]:
        both = zip(position_um, self._axes, strict=False)
        return [axis.residual_um(at_ns, read) for read, axis in both]

    def _identify(self, at_ns: int) -> None:
        """Change the dynamics, if others explain clearly better what was read."""
        dynamics = self._identification.search(self._drives(), at_ns)
        if dynamics is not None:
            for axis in self._axes[:2]:
                axis.identified(dynamics)
            self._uncertainty.identified()
