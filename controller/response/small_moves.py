"""Small moves that show whether the picture answers to the stage."""

import math

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame
from ...models.arrays import Floats
from ..policies import Plan
from ..targets import TargetGroup
from .evidence import Evidence
from .pose_history import REST_PX

FEWEST_FRAMES = 4
"""Frames without which nothing can be proven: the target is seen twice before the first move, and
in none of 24 recorded objects was one move enough."""
_STEP_SIGMAS = 10.0
"""Length of a small move in errors of a displacement. Chosen: the hypotheses that lie closest to
each other then differ by five."""
_LEAST_STEP_PX = 6.0
MOST_STEP = 0.08
"""Bounds of that length: in pixels, and in shorter sides of the field. Chosen: a wrong one does no
harm."""
_OF_SIZE, _MOST_OF_LARGE = 0.35, 0.2
"""In a time lapse it may be that part of the target's size instead, which is more than objects go
from frame to frame, up to so many shorter sides of the field. Chosen: that is still in the field
though the affine be too large by a factor of 2."""
_MOST_WAY, _MOST_WAY_SLOW = 0.4, 0.25
"""How far small moves may lead from where the first one was made, in shorter sides of the field:
then they go back; and in a time lapse. Chosen: less than half a field, whatever is taken for a
target; there, where a move is known before the next one, also if the affine is too large by 2."""
_NEAR = 0.2
"""Distance of a target from the middle within which the stage does not go back for it, in shorter
sides of the field. Chosen: small moves do not lose it there."""
_MOST_RETURN = 1.0
"""How far the stage goes back, in shorter sides of the field. Chosen: a runaway is found out
before; a target that went as far is not there any more."""
_SEEN_NS = NS_PER_S // 8
"""Time from a small move to the next one. Chosen: longer than the lag of any stage."""
_ANSWERED = 1.0
"""Change of the lead in nats from which a small move has been seen sooner. Chosen: a picture that
has not moved yet changes nothing, for the stage may be late."""
_VELOCITY_NS = _SEEN_NS // 2
"""Time in which a step is made by a velocity, by stages that take no positions."""
FIRST_MOVES = "first moves: whether the picture answers to the stage"
"""Reason while the calibration is not proven."""


class SmallMoves:
    """Decides on moves whose answer tells what is wrong with a calibration, if anything is.

    Parameters
    ----------
    affine : (2, 2) float64
        From pixels to µm, as calibrated.
    side_px : float
        Shorter side of the field.
    evidence : Evidence
        What they have told.

    Attributes
    ----------
    count : int
        How many were made since the last `restart`.
    """

    def __init__(self, affine: Floats, side_px: float, evidence: Evidence) -> None:
        self._affine, self._inverse = affine, np.linalg.inv(affine)
        self._side_px, self._evidence = side_px, evidence
        self._by_velocity = False
        self._sent_ns: int | None = None
        self._lead = 0.0
        self._last_px = self._from_um = np.zeros(2)
        self._sure_um: Floats | None = None
        self.count = 0

    def restart(self) -> None:
        """Begin anew: what was proven has become doubtful."""
        self.count = 0

    def note_sure(self, frame: Frame) -> None:
        """Note that nothing speaks against the calibration where the stage is."""
        self._sure_um = _pose_um(frame)

    def plan(
        self, plan: Plan, target: TargetGroup | None, frame: Frame, moved_px: float, apart_ns: int
    ) -> Plan:
        """Return a small move, or a rest, in the place of a plan.

        Parameters
        ----------
        plan : Plan
        target : TargetGroup or None
        frame : Frame
        moved_px : float
            How far the stage went since the last frame.
        apart_ns : int
            Time since the last frame.
        """
        self._by_velocity = self._by_velocity or plan.velocity_um_s is not None
        if self._is_to_return(target, frame):
            self.restart()
            return Plan(self._sure_um, plan.prediction, FIRST_MOVES)
        since_ns = math.inf if self._sent_ns is None else frame.exposed_ns - self._sent_ns
        if self._by_velocity and since_ns < _VELOCITY_NS:
            return self._velocity(plan, apart_ns)
        answered = abs(self._evidence.lead - self._lead) > _ANSWERED or since_ns > _SEEN_NS
        moves = moved_px > REST_PX and not self._evidence.slow
        gone = self.count % 2 and self._evidence.target_px is None and since_ns > _SEEN_NS
        waits = moves or not (answered and (self._evidence.ready or gone))
        step_px = None if waits else self._step_px(target, frame)
        if step_px is None:
            return Plan(prediction=plan.prediction, reason=FIRST_MOVES)
        self._begin(step_px, frame)
        if self._by_velocity:
            return self._velocity(plan, apart_ns)
        move_um = self._affine @ self._last_px + _pose_um(frame)
        return Plan(move_um, plan.prediction, FIRST_MOVES)

    def _begin(self, step_px: Floats, frame: Frame) -> None:
        """Note a step, turned back where it would lead too far."""
        if self.count == 0:
            self._evidence.forget()
            self._from_um = _pose_um(frame)
        way_px = self._inverse @ (_pose_um(frame) - self._from_um)
        most = _MOST_WAY_SLOW if self._evidence.slow else _MOST_WAY
        if float(np.hypot(*(way_px + step_px))) > most * self._side_px:
            step_px = np.where(way_px > 0, -1, 1) * np.abs(step_px)
        self._sent_ns, self._last_px = frame.exposed_ns, step_px
        self._lead = self._evidence.lead
        self.count += 1

    def _is_to_return(self, target: TargetGroup | None, frame: Frame) -> bool:
        """Whether the stage goes back to where it was when nothing spoke against the proof.

        That brings a target back that is out of the picture or about to be, whatever is wrong.
        """
        if self._sure_um is None or self._by_velocity:
            return False
        if target is not None and target.seen_um is not None:
            near_px = _NEAR * self._side_px
            if self.count or np.hypot(*self._offset_px(target.seen_um, frame)) < near_px:
                return False
        elif self.count and self._evidence.target_px is not None:
            return False
        away_px = float(np.hypot(*self._offset_px(self._sure_um, frame)))
        return _LEAST_STEP_PX <= away_px <= _MOST_RETURN * self._side_px

    def _step_px(self, target: TargetGroup | None, frame: Frame) -> Floats | None:
        """A step toward the target that tells most of the hypotheses from each other, (2,).

        Back again if that has made the target disappear.
        """
        if target is not None and target.seen_um is not None:
            offset_px = self._offset_px(target.seen_um, frame)
        elif self._evidence.target_px is not None:
            offset_px = self._evidence.target_px - self._evidence.middle_px
        else:
            return -self._last_px if self.count % 2 else None
        length_px = max(_STEP_SIGMAS * self._evidence.errors.usual_px, _LEAST_STEP_PX)
        most_px = MOST_STEP * self._side_px
        if self._evidence.slow:
            of_size_px = _OF_SIZE * self._evidence.size_px
            most_px = max(most_px, min(of_size_px, _MOST_OF_LARGE * self._side_px))
        length_px = min(length_px, most_px)
        major = int(np.abs(offset_px).argmax()) ^ (self.count % 2)
        step_px = np.where(offset_px < 0, -length_px, length_px)
        step_px[1 - major] /= 2
        return step_px

    def _velocity(self, plan: Plan, apart_ns: int) -> Plan:
        """The velocity that makes a step in the time for it; it ends with the next plan."""
        velocity = self._affine @ self._last_px * (NS_PER_S / max(_VELOCITY_NS, apart_ns))
        return Plan(prediction=plan.prediction, reason=FIRST_MOVES, velocity_um_s=velocity)

    def _offset_px(self, position_um: Floats, frame: Frame) -> Floats:
        """Offset of a place from the middle of the field in pixels, (2,)."""
        return self._inverse @ (position_um - _pose_um(frame))


def _pose_um(frame: Frame) -> Floats:
    return np.array((frame.pose.x_um, frame.pose.y_um))
