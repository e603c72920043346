"""Velocities for an XY stage, through properties of a device, and the certainty that they end."""

from __future__ import annotations

import math

import msgspec
from pymmcore_plus import CMMCorePlus

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..messages import Dynamics, Move
from ..microscope import MicroscopeError
from ..settings import StageSettings
from ..stage import PoseModel, State
from . import guard

NO_VELOCITY = (
    "This stage takes no velocity: name the properties that set it as velocity_x and velocity_y "
    "under [stage], or choose another policy."
)
UNPROVEN_UM_S = 200.0
"""Greatest velocity along an axis of which no reading has shown yet that it obeys."""
_PROOF_UM = 20.0
"""Way that proves it, or the contrary."""
_MOST_AMISS = 0.5
"""Share of that way by which readings may differ from it."""
_SIGMAS = 3.0

Place = tuple[float, float]
"""x and y in µm."""


class _Evidence:
    """Whether one axis goes where it is driven."""

    def __init__(self) -> None:
        self.proven = False
        self._known_um: float | None = None
        self._start_um = self._driven_um = 0.0

    def wrong(self, foreseen_um: float, read_um: float, known_um: float, driven: bool) -> str:
        """Add a reading; return how it contradicts the way that the axis was driven."""
        before_um, self._known_um = self._known_um, known_um
        if before_um is None or not driven:
            self._start_um, self._driven_um = read_um, 0.0
            return ""
        self._driven_um += foreseen_um - before_um
        should_um, did_um = self._driven_um, read_um - self._start_um
        if abs(should_um) < _PROOF_UM:
            return ""
        self._start_um, self._driven_um = read_um, 0.0
        if abs(did_um - should_um) > _MOST_AMISS * abs(should_um):
            return f"{did_um:.0f} µm instead of {should_um:.0f} µm"
        self.proven = True
        return ""


class Driver:
    """Gives a stage velocities, and ends them: in time, before a limit, or if it disobeys.

    Used by the stage's thread alone.

    Parameters
    ----------
    core : CMMCorePlus
        Owns the devices.
    xy_stage : str
        Label of the stage.
    settings : StageSettings
        Names the properties, and how the stage accelerates.
    pose : PoseModel
        Told of every velocity.
    limits_um : Box
        A velocity ends before them.
    clock : Clock

    Attributes
    ----------
    refusal : str
        Why no velocity is taken; empty if they are.
    running : bool
        Whether the stage has, or may have, a velocity.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        xy_stage: str,
        settings: StageSettings,
        pose: PoseModel,
        limits_um: guard.Box,
        clock: Clock,
    ) -> None:
        self._core, self._xy, self._pose, self._clock = core, xy_stage, pose, clock
        self._limits_um = limits_um
        self._properties = settings.velocity_properties
        self._units, self._dynamics = settings.velocity_unit_um_s, settings.dynamics
        self._wanted = (0.0, 0.0)
        self._ends_ns = 0
        self._evidence = (_Evidence(), _Evidence())
        self.running = False
        self.refusal = ""
        if self._properties is None:
            self.refusal = NO_VELOCITY

    @property
    def proven(self) -> bool:
        """Whether readings have shown that both axes go where they are driven."""
        return all(axis.proven for axis in self._evidence)

    def send(self, move: Move) -> tuple[float, float]:
        """Give the stage the velocity of a move, within what is safe, and return that.

        Raises
        ------
        RuntimeError
            If the device does not take it; the stage is stopped then, if it can be.
        """
        assert move.velocity_um_s is not None
        if self.refusal:
            raise MicroscopeError(self.refusal)
        if not any(move.velocity_um_s):
            self.running = self.running or self._pose.moving(self._clock.now_ns())
            self.end()
            return 0.0, 0.0
        velocity = self._reined(*move.velocity_um_s)
        self.running = True
        self._wanted = velocity
        now_ns = self._clock.now_ns()
        self._ends_ns = min(move.expires_ns, now_ns + guard.LONGEST_DRIVE_NS)
        try:
            self._set(*velocity)
        except BaseException:
            self.end()
            raise
        self._pose.driven(self._clock.now_ns(), *velocity)
        return velocity

    def end(self) -> None:
        """Take the velocity from the stage: every way to do so is tried, whichever fails.

        Raises
        ------
        RuntimeError
            If any of them fails; `running` stays true, so that it will be tried again.
        """
        if not self.running:
            return
        self._ends_ns = 0
        try:
            self._set(0.0, 0.0)
        finally:
            self._core.stop(self._xy)
            self._pose.driven(self._clock.now_ns(), 0.0, 0.0)
        self.running = False
        self._wanted = (0.0, 0.0)

    def left_s(self) -> float:
        """How long the velocity may last; infinite if there is none, 0 if it has to end now."""
        if not self.running:
            return math.inf
        now_ns = self._clock.now_ns()
        left_s = max(self._ends_ns - now_ns, 0) / NS_PER_S
        return min(left_s, *(guard.lasts_s(*each) for each in self._axes(self._wanted)))

    def witness(self, foreseen_um: Place, read_um: Place, known_um: Place) -> str:
        """Compare a reading with the way that the stage was driven; return what is wrong.

        An axis that did not go where it was driven makes every further velocity refused.

        Parameters
        ----------
        foreseen_um, known_um : (x, y)
            Where the model had the stage before and has it after taking in the reading.
        read_um : (x, y)
            The reading.
        """
        for i, axis in enumerate(self._evidence):
            wrong = axis.wrong(foreseen_um[i], read_um[i], known_um[i], self.running)
            if wrong:
                self.refusal = (
                    f"The stage did not go where it was driven, {wrong} along {'xy'[i]}: check "
                    "velocity_x, velocity_y and velocity_unit_um_s under [stage]."
                )
                return self.refusal
        return ""

    def _reined(self, x: float, y: float) -> tuple[float, float]:
        """What is safe of a velocity, axis by axis."""
        reined_x, reined_y = (guard.reined(*each) for each in self._axes((x, y)))
        return self._capped(0, reined_x), self._capped(1, reined_y)

    def _capped(self, i: int, velocity: float) -> float:
        most = self._dynamics.speed_um_s if self._evidence[i].proven else UNPROVEN_UM_S
        return min(max(velocity, -most), most)

    def _axes(
        self, velocity_um_s: tuple[float, float]
    ) -> list[tuple[float, State, guard.Range, Dynamics]]:
        """Velocity, state when it shows, limits less what is not sure, and dynamics of x and y."""
        dynamics = self._cautious()
        shows_ns = self._clock.now_ns() + round(dynamics.delay_ms * NS_PER_MS)
        unsure_um = _SIGMAS * self._pose.pose(shows_ns).sigma_um
        return [
            (velocity, state, (low + unsure_um, high - unsure_um), dynamics)
            for velocity, state, (low, high) in zip(
                velocity_um_s, self._pose.states(shows_ns), self._limits_um[:2], strict=True
            )
        ]

    def _cautious(self) -> Dynamics:
        """The stage as told or as found, whichever stops later."""
        told, found = self._dynamics, self._pose.dynamics
        if found is None:
            return told
        return msgspec.structs.replace(
            told,
            delay_ms=max(told.delay_ms, found.delay_ms),
            acceleration_um_s2=min(told.acceleration_um_s2, found.acceleration_um_s2),
        )

    def _set(self, *velocity_um_s: float) -> None:
        """Set both properties, the second even if the first fails."""
        assert self._properties is not None
        failure: Exception | None = None
        for (device, name), velocity, unit in zip(
            self._properties, velocity_um_s, self._units, strict=True
        ):
            try:
                self._core.setProperty(device, name, velocity / unit)
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure
