"""When the stage is read, and what a reading tells."""

from __future__ import annotations

from pymmcore_plus import CMMCorePlus

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..messages import PoseRead
from ..stage import PoseModel
from .velocity_mode import Driver

_EVERY_NS = 200 * NS_PER_MS
_BETWEEN_MOVES_NS = 1_000 * NS_PER_MS
"""Moves may come without a pause: then it is read right after one, when there is most time."""
_UNPROVEN_NS = 50 * NS_PER_MS
"""While the stage has a velocity that it has not been seen to obey."""
_SOON_NS = 8 * NS_PER_MS
"""While a reading would tell much about the pose model."""
_SHARE = 3
"""Then the stage is free for two thirds of the time, however slowly it answers."""
_GOLDEN = 0.618034


def soon_ns(count: int) -> int:
    """Time from a reading to the next while they tell much, never in step with the moves."""
    return round(_SOON_NS * (1 + count * _GOLDEN % 1))


class Reader:
    """Reads an XY stage and a focus drive when there is time.

    Used by the stage's thread alone.

    Parameters
    ----------
    core : CMMCorePlus
        Owns the devices.
    xy_stage, focus : str
        Labels; an empty focus means that there is none.
    pose : PoseModel
        Told of every reading.
    driver : Driver
        Says whether the stage has a velocity, and judges by the readings whether it obeys.
    clock : Clock
    """

    def __init__(
        self,
        core: CMMCorePlus,
        xy_stage: str,
        focus: str,
        pose: PoseModel,
        driver: Driver,
        clock: Clock,
    ) -> None:
        self._core, self._xy, self._focus = core, xy_stage, focus
        self._pose, self._driver, self._clock = pose, driver, clock
        self._last_ns = clock.now_ns()
        self._slowest_s, self._count = 0.0, 0

    @property
    def interval_ns(self) -> int:
        """Time from one reading to the next while no moves come."""
        if self._pose.wants_reading(self._clock.now_ns()):
            return max(soon_ns(self._count), round(_SHARE * self._slowest_s * NS_PER_S))
        return _UNPROVEN_NS if self._driver.running and not self._driver.proven else _EVERY_NS

    def due(self, moved: bool) -> bool:
        """Whether the last reading was long ago, and no velocity has to end before the next.

        Parameters
        ----------
        moved : bool
            Whether the stage has just been given a move.
        """
        follows_move = moved and not self._driver.running
        age_ns = self.interval_ns
        if follows_move and not self._pose.wants_reading(self._clock.now_ns()):
            age_ns = _BETWEEN_MOVES_NS
        old = self._clock.now_ns() - self._last_ns >= age_ns
        return old and self._driver.left_s() > self._slowest_s

    def read(self) -> tuple[PoseRead, str]:
        """Read; return the pose that is known then, and how the stage disobeyed, if it did."""
        before_ns = self._clock.now_ns()
        x, y = self._core.getXYPosition(self._xy)
        after_ns = self._clock.now_ns()
        z = self._core.getPosition(self._focus) if self._focus else 0.0
        self._last_ns = self._clock.now_ns()
        self._count += 1
        self._slowest_s = max((self._last_ns - before_ns) / NS_PER_S, self._slowest_s)
        middle_ns = (before_ns + after_ns) // 2
        foreseen = self._pose.pose(middle_ns)
        self._pose.read(middle_ns, x, y, z)
        known = self._pose.pose(middle_ns)
        wrong = self._driver.witness(
            (foreseen.x_um, foreseen.y_um), (x, y), (known.x_um, known.y_um)
        )
        return PoseRead(known, self._pose.dynamics), wrong
