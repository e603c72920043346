"""Position polling: when the stage is read, and what a reading tells."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..clock import NS_PER_MS, NS_PER_S, CallTime, Clock
from ..messages import PoseRead
from ..microscope import one_line
from ..stage import PoseModel
from .device import StageDevice
from .motion_check import MotionCheck
from .reading_checks import ReadingChecks
from .velocity_mode import VelocityMode

_IDLE_NS = 200 * NS_PER_MS
"""From reading to reading while no moves come. Chosen: a joystick is noticed within a blink, and a
slow stage (20 ms a reading) is free for nine tenths of the time."""
_BETWEEN_MOVES_NS = 1_000 * NS_PER_MS
"""The same while moves come so fast that a reading may make the next one late, which should be
rare: chosen. While moves come, the stage is read right after one, when there is most time."""
_UNVERIFIED_NS = 50 * NS_PER_MS
"""The same while the stage has a velocity that it has not been seen to obey. Chosen: at
`UNVERIFIED_UM_S` it has gone 10 µm by then."""
_FAILING_NS = 50 * NS_PER_MS
"""The same while readings cannot be used. Chosen: most serial lines answer in half of it."""
_INFORMATIVE_NS = 8 * NS_PER_MS
"""Least time while readings are informative. Chosen: a few in each move of a common stage."""
_PAUSE = 3
"""Least time for a reading, in durations of one: two thirds of it are left for moves."""
_FORGETS = 0.8
"""Share of the slowest reading that is kept from one to the next. Chosen: a stage that hung once is
read as often as before after ten."""
YIELDED = (
    "Yielded to a hand on the stage at ({:.1f}, {:.1f}) µm: it goes where no command sends it "
    "(joystick, or another program)."
)
TAKEN_BACK = "The stage is taken back from the hand at ({:.1f}, {:.1f}) µm."
_GOLDEN = 0.618034
"""Fraction of the golden ratio: its multiples are spread most evenly over a period (Weyl 1916)."""


def informative_interval_ns(count: int) -> int:
    """Time to the next reading while they are informative, never in step with the moves."""
    return round(_INFORMATIVE_NS * (1 + count * _GOLDEN % 1))


class Reading(NamedTuple):
    """What came of reading a stage.

    Attributes
    ----------
    pose : PoseRead or None
        What is known now; None if the reading could not be used.
    fault, stop : str
        What to tell a person, and why the stage must be stopped; empty if nothing.
    drive_um : (x, y, z)
        What the drives said.
    """

    pose: PoseRead | None
    fault: str
    stop: str
    drive_um: tuple[float, float, float] = (0.0, 0.0, 0.0)


class PositionPolling:
    """Reads an XY stage and a focus drive when there is time.

    Used by the stage's thread alone.

    Parameters
    ----------
    device : StageDevice
    pose : PoseModel
        Told of every reading.
    velocity : VelocityMode
        Says whether the stage has a velocity, and verifies by the readings that it obeys.
    clock : Clock
    """

    def __init__(
        self, device: StageDevice, pose: PoseModel, velocity: VelocityMode, clock: Clock
    ) -> None:
        self._device, self._pose, self._velocity, self._clock = device, pose, velocity, clock
        self._last_ns = clock.now_ns()
        self._slowest_s, self._count, self._xy_time = 0.0, 0, CallTime()
        self._moved_ns = self._last_ns
        self._checks, self._motion = ReadingChecks(), MotionCheck()
        self._taken_over = False

    @property
    def interval_ns(self) -> int:
        """Time from one reading to the next while no moves come."""
        if self._checks.failing:
            return _FAILING_NS
        if self._pose.wants_reading(self._clock.now_ns()):
            return max(informative_interval_ns(self._count), self._least_ns)
        unverified = self._velocity.running and not self._velocity.verified
        return _UNVERIFIED_NS if unverified else _IDLE_NS

    @property
    def _least_ns(self) -> int:
        return round(_PAUSE * self._slowest_s * NS_PER_S)

    def due(self, moved: bool) -> bool:
        """Whether the last reading was long ago, and no velocity has to end before the next.

        Parameters
        ----------
        moved : bool
            Whether the stage has just been given a move.
        """
        now_ns, age_ns = self._clock.now_ns(), self.interval_ns
        if moved:
            between_moves_ns, self._moved_ns = now_ns - self._moved_ns, now_ns
            fast = between_moves_ns < self._least_ns
            needed = self._checks.failing or self._velocity.running
            if fast and not (needed or self._pose.wants_reading(now_ns)):
                age_ns = _BETWEEN_MOVES_NS
        return now_ns - self._last_ns >= age_ns and self._velocity.left_s() > self._slowest_s

    def read(self, braking: bool = False) -> Reading:
        """Read the stage; a reading that cannot be true is not used.

        While it is brought to rest, nothing is learned of whether it goes where it is sent.
        """
        before_ns = self._clock.now_ns()
        try:
            x, y = self._device.read_xy()
            after_ns = self._clock.now_ns()
            z = self._device.read_focus()
        except Exception as error:
            self._last_ns = self._clock.now_ns()
            report, stop = self._checks.note(self._last_ns, one_line(error).rstrip("."))
            return Reading(None, report, stop)
        self._last_ns = self._clock.now_ns()
        self._count += 1
        took_s = (self._last_ns - before_ns) / NS_PER_S
        self._slowest_s = max(took_s, _FORGETS * self._slowest_s)
        middle_ns = (before_ns + after_ns) // 2
        predicted = self._pose.pose(middle_ns)
        unlike_um = math.dist((x, y), (predicted.x_um, predicted.y_um))
        fault = self._checks.fault(middle_ns, (x, y, z), unlike_um, self._pose.nominal.speed_um_s)
        report, stop = self._checks.note(middle_ns, fault)
        if fault:
            return Reading(None, report, stop)
        self._pose.read(middle_ns, x, y, z, late_ns=self._xy_time.late_ns(before_ns, after_ns))
        report = self._tell_takeover(x, y)
        known = self._pose.pose(middle_ns)
        before_um, now_um = (predicted.x_um, predicted.y_um), (known.x_um, known.y_um)
        disobeys = self._velocity.verify_reading(before_um, (x, y), now_um)
        if self._pose.yields or braking:
            self._motion = MotionCheck()
        elif not self._velocity.running:
            disobeys = disobeys or self._motion.fault(middle_ns, before_um, (x, y), now_um)
        read = PoseRead(known, self._pose.identified, (x, y), self._taken_over)
        return Reading(read, report, disobeys, (x, y, z))

    def _tell_takeover(self, x_um: float, y_um: float) -> str:
        """Say once that others move the stage, and once that they do not any more."""
        before, self._taken_over = self._taken_over, self._pose.taken_over
        if before == self._taken_over:
            return ""
        return (YIELDED if self._taken_over else TAKEN_BACK).format(x_um, y_um)
