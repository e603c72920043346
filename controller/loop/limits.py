"""Limits: a plan that leads out of the envelope is brought to its edge, and that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.envelope import Envelope
from ...drivers.messages import Description, Frame, Move
from ...drivers.microscope import MicroscopeError
from ...models.arrays import Floats
from ..policies import Horizon, Plan

BEYOND = "the target is beyond the limits: the stage waits at their edge"
"""Reason of a plan that leads to the edge instead of to the target."""
FOCUS_BEYOND = "the focus is beyond the limits: the focus drive waits at their edge"
_BLOCKED = "the way to the target may pass outside the limits: the stage waits"
_OUTSIDE = "the stage stands outside the limits: nothing moves"

_MARGIN_UM = 1.0
"""How far from the edge the stage waits. Chosen: by less than that it is known where it is."""
_UNSURE_UM = 0.25
"""How much wider than planned a way must be free. Chosen: the stage's own process, which decides,
takes the stage to be elsewhere by as much."""
_STEP_SHARE = 0.8
"""Of the longest step that a step has. Chosen: the stage's own process measures it from where the
stage is when the move comes, which is predicted here."""
_SHARES = (1.0, 0.5, 0.25, 0.1)
"""Of a move that are tried where all of it may pass outside. Chosen: a few are enough, as there is
another try in the next frame."""
_GAIN = 0.5
"""Share of the way to the edge that a velocity makes up until the next command. Chosen: it comes to
rest there without passing it."""


class WithinLimits:
    """Brings plans inside the envelope, the one place of the controller that does.

    Parameters
    ----------
    description : Description
        Of the microscope.
    """

    def __init__(self, description: Description) -> None:
        self.envelope = Envelope.of(description)
        self._dynamics = description.dynamics
        drive_um = description.dynamics.backlash_um / 2  # from the load, which is seen here
        self._margin_um, self._unsure_um = _MARGIN_UM + drive_um, _UNSURE_UM + drive_um
        self._started = False
        self._states: dict[str, bool] = {}
        self._last_z_um: float | None = None
        facility = description.restrictions.facility
        self._notes = [f"The facility's limits are in force: {facility}."] if facility else []

    def take_notes(self) -> tuple[str, ...]:
        """What there is to say since the last call."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def bring_inside(
        self, plan: Plan, z_um: float | None, frame: Frame, horizon: Horizon, in_hand: bool
    ) -> tuple[Plan, float | None]:
        """Return a plan and a position of the focus drive that do not leave the envelope.

        Parameters
        ----------
        plan, z_um, frame, horizon
        in_hand : bool
            Whether the plan follows a target, and does not look for one.

        Raises
        ------
        MicroscopeError
            If the stage stands outside at the start, or may be faster than the limits.
        """
        self._check_start(frame)
        pose = frame.pose
        outside = self.envelope.lies_outside((pose.x_um, pose.y_um, pose.z_um))
        returns = self.envelope.restrictions.return_inside
        self._tell(
            bool(outside),
            f"The stage stands outside the limits, {outside}: "
            + ("it is moved inward only." if returns else "nothing moves."),
            "The stage is inside the limits again.",
            _OUTSIDE,
        )
        if outside and not returns:
            return Plan(None, plan.prediction, _OUTSIDE), None
        return self._within(plan, frame, horizon, in_hand), self._focus_within(z_um, frame)

    def _check_start(self, frame: Frame) -> None:
        """Refuse to begin with a stage that stands outside, unless it may return."""
        if self._started:
            return
        pose = frame.pose
        outside = self.envelope.lies_outside((pose.x_um, pose.y_um, pose.z_um))
        if outside and not self.envelope.restrictions.return_inside:
            raise MicroscopeError(
                f"The stage stands outside the limits, and nothing was moved: {outside}. Bring it "
                "inside by hand, correct [limits], or let it be moved inward by return_inside = "
                "true under [limits]."
            )
        self._started = True

    def _within(self, plan: Plan, frame: Frame, horizon: Horizon, in_hand: bool) -> Plan:
        wanted_um = plan.move_um
        if wanted_um is None and plan.velocity_um_s is None:
            return plan
        self._check_speed(plan, frame)
        target_um = wanted_um if plan.prediction is None else plan.prediction.mean_um[:2]
        if target_um is None:
            return plan
        beyond = self._is_beyond(target_um) if in_hand else not self._holds(target_um)
        if plan.velocity_um_s is not None:
            return self._at_edge(plan, target_um, frame, horizon) if beyond else plan
        assert wanted_um is not None
        to_um = wanted_um
        if beyond:
            to_um = self._nearest_um(target_um)
        elif not self._holds(wanted_um):
            to_um = target_um  # where compensation would lead out, there is none
        to_um = self._reachable_um(to_um, frame, horizon)
        if to_um is None:
            return Plan(None, plan.prediction, _BLOCKED)
        if to_um is wanted_um:
            return plan
        return replace(plan, move_um=to_um, reason=BEYOND if beyond else plan.reason)

    def _at_edge(self, plan: Plan, target_um: Floats, frame: Frame, horizon: Horizon) -> Plan:
        """Return the velocity that leads to the place inside that is nearest to the target."""
        interval_s = horizon.answer_interval_ns / NS_PER_S
        (x, _), (y, _) = horizon.stage.states(horizon.start_ns(frame))
        speed = horizon.stage.dynamics.speed_um_s
        velocity = _GAIN * (self._nearest_um(target_um) - (x, y)) / interval_s
        return replace(plan, velocity_um_s=np.clip(velocity, -speed, speed), reason=BEYOND)

    def _check_speed(self, plan: Plan, frame: Frame) -> None:
        """Refuse to go on with a stage that may be faster than the limits."""
        most = self.envelope.restrictions
        if most.speed_um_s is None and most.acceleration_um_s2 is None:
            return
        velocity = None if plan.velocity_um_s is None else (0.0, 0.0)
        x_um = None if plan.move_um is None else 0.0
        move = Move(x_um, x_um, None, 0, frame.index, velocity)
        if problem := self.envelope.speed_problem(self._dynamics, move):
            raise MicroscopeError(f"Nothing was moved: {problem}.")

    @property
    def held_by(self) -> Literal["", "limits"]:
        """Whether the target was beyond the limits when it was in hand last."""
        return "limits" if self._states.get(BEYOND) else ""

    def _is_beyond(self, target_um: Floats) -> bool:
        """Whether the target is beyond the limits; once it was, until it is well inside."""
        beyond = not self._holds(target_um)
        if not beyond and self._states.get(BEYOND):
            beyond = bool(np.hypot(*(self._nearest_um(target_um) - target_um)) > 0)
        self._tell(
            beyond,
            "The target is beyond the limits: the stage waits at their edge.",
            "The target is inside the limits again.",
            BEYOND,
        )
        return beyond

    def _reachable_um(self, to_um: Floats, frame: Frame, horizon: Horizon) -> Floats | None:
        """How far towards a place a move may go; None if it may not go at all."""
        longest_um = self.envelope.restrictions.step_um
        if self.envelope.convex and longest_um is None:
            return to_um
        (x, vx), (y, vy) = horizon.stage.states(horizon.start_ns(frame))
        away_um = to_um - (x, y)
        far_um = float(np.hypot(*away_um))
        if longest_um is not None and far_um > _STEP_SHARE * longest_um:
            away_um = away_um * (_STEP_SHARE * longest_um / far_um)
            to_um = np.add(away_um, (x, y))
        if self.envelope.convex:
            return to_um
        twice_a = 2 * horizon.stage.dynamics.acceleration_um_s2
        rest_um = (x + vx * abs(vx) / twice_a, y + vy * abs(vy) / twice_a)
        (now_x, _), (now_y, _) = horizon.stage.states(frame.readable_ns)
        z_um, unsure_um = sum(self.envelope.z_um) / 2, self._unsure_um
        for share in _SHARES:
            part_um = to_um if share == 1.0 else np.add(away_um * share, (x, y))
            end_x, end_y = part_um.tolist()
            places = [(x, y), rest_um, (now_x, now_y), (end_x, end_y)]
            wide = [(px + d, py + d) for px, py in places for d in (-unsure_um, unsure_um)]
            if not self.envelope.problem((x, y, z_um), (end_x, end_y, None), wide):
                return part_um
        return None

    def _focus_within(self, z_um: float | None, frame: Frame) -> float | None:
        if z_um is None:
            return None
        low, high = self.envelope.z_um
        self._tell(
            not low <= z_um <= high,
            "The focus is beyond the limits: the focus drive waits at their edge.",
            "The focus is inside the limits again.",
            FOCUS_BEYOND,
        )
        z_um = min(max(z_um, low), high)
        longest_um = self.envelope.restrictions.focus_step_um
        if longest_um is not None:
            here = frame.pose.z_um
            ends = (here, here if self._last_z_um is None else self._last_z_um)
            most_um = _STEP_SHARE * longest_um
            low, high = max(ends) - most_um, min(ends) + most_um
            if low > high:
                return None
            z_um = self._last_z_um = min(max(z_um, low), high)
        return z_um

    def focus_reason(self) -> str:
        """Why the focus drive was not sent where focusing wanted it; empty if it was."""
        return FOCUS_BEYOND if self._states.get(FOCUS_BEYOND) else ""

    def _holds(self, place_um: Floats) -> bool:
        x, y = place_um.tolist()
        return not self.envelope.place_problem((x, y, None))

    def _nearest_um(self, place_um: Floats) -> Floats:
        x, y = place_um.tolist()
        return np.array(
            self.envelope.nearest_inside((x, y, self.envelope.z_um[0]), self._margin_um)[:2]
        )

    def _tell(self, now: bool, begins: str, ends: str, what: str) -> None:
        """Say once that a state has begun, and once that it has ended."""
        if now != self._states.get(what, False):
            self._states[what] = now
            self._notes.append(begins if now else ends)
