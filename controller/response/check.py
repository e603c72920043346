"""The first moves of a session, and the watch over all others."""

import math
from dataclasses import replace

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Description, Frame
from ...drivers.microscope import MicroscopeError
from ...models.arrays import Floats
from ...models.detections import Detections
from ..policies import Plan
from ..targets import TargetGroup
from ..tracking import Track
from .evidence import SHAKEN, Evidence
from .hypotheses import Hypothesis
from .pose_history import REST_PX

_PROVEN = 6.0
"""Lead in nats from which the calibration is taken for right: 400 to 1. Chosen."""
_DOUBTFUL = -5.0
"""Lead below which a calibration that was proven has to prove itself again, by small moves. Chosen:
it seldom falls so low while objects are followed, and a doubt costs a moment."""
_REFUTED = -10.0, 3
"""Lead from which it is taken for wrong, 22,000 to 1, and how many small moves must have told it.
Chosen: a false alarm ends a session, and a fast target is gone after more."""
_AGAIN = -14.0, 4
"""Both for a calibration that was proven before, and for a picture that does not answer at all:
what speaks against it may be another object that the target meets, or a stage that is late, and be
over a moment later. Chosen."""
_STEP_SIGMAS = 10.0
"""Length of a first move in errors of a displacement. Chosen: the hypotheses that lie closest to
each other then differ by five."""
_LEAST_STEP_PX = 6.0
_MOST_STEP = 0.08
"""Bounds of that length: in pixels, and in shorter sides of the field; the latter is also
how much longer any move may be than the last one while the proof is shaken. Chosen: a wrong one
does no harm."""
_LEAST_GROWTH = 0.25
"""Share of the latter that is left when a fault is as likely as none. Chosen: the ways of a runaway
double from 2 % of a field, and it is found out before the target is gone.
"""
_MOST_WAY = 0.4
"""How far small moves may lead from where the first one was made, in shorter sides of the field:
then they go back. Chosen: less than half a field, whatever is taken for a target."""
_SEEN_NS = NS_PER_S // 8
"""Time from a first move to the next one. Chosen: longer than the lag of any stage."""
_ANSWERED = 1.0
"""Change of the lead in nats from which a first move has been seen sooner. Chosen: a picture that
has not moved yet changes nothing, for the stage may be late."""
_VELOCITY_NS = _SEEN_NS // 2
"""Time in which a step is made by a velocity, by stages that take no positions."""
_NEAR = 3.0
"""Sizes of an object within which another one is met. Chosen: their images merge soon."""
_MEETING_NS, _MEETING_FRAMES = NS_PER_S * 2 // 5, 2
"""How long two objects may be merged until they are seen apart, and in frames. Chosen."""
FIRST_MOVES = "first moves: whether the picture answers to the stage"
"""Reason while the calibration is not proven."""


class ResponseError(MicroscopeError):
    """The picture does not answer to the stage as the calibration says."""


class ResponseCheck:
    """Proves the calibration by small first moves, and watches it from then on.

    Parameters
    ----------
    description : Description
        Of the microscope, with the affine in question.
    """

    def __init__(self, description: Description) -> None:
        self._affine = np.array(description.affine).reshape(2, 2)
        self._inverse = np.linalg.inv(self._affine)
        width, height = description.width_px, description.height_px
        self._middle_px = np.array([width, height]) / 2 - 0.5
        self._side_px = min(width, height)
        self._most_step_px = _MOST_STEP * self._side_px
        self._evidence = Evidence(self._affine, float(width * height))
        self._last: Frame | None = None
        self._moves_px, self._apart_ns = 0.0, 0
        self._by_velocity = False
        self._sent_ns: int | None = None
        self._met_ns: int | None = None
        self._met_px = 0.0
        self._id: int | None = None
        self._steps = 0
        self._lead = 0.0
        self._last_step_px = np.zeros(2)
        self._from_um = self._way_px = np.zeros(2)
        self._sure_um: Floats | None = None

    def see(self, frame: Frame, detections: Detections, target: TargetGroup | None) -> str:
        """Take in a frame; return what is wrong with the calibration, empty if nothing is known."""
        last, self._last = self._last, frame
        if last is not None:
            self._apart_ns = frame.exposed_ns - last.exposed_ns
            moved_um = (frame.pose.x_um - last.pose.x_um, frame.pose.y_um - last.pose.y_um)
            self._moves_px = float(np.abs(self._inverse @ moved_um).max())
        target_px = self._follow(frame, detections, target)
        apart_ns = max(_MEETING_NS, _MEETING_FRAMES * self._apart_ns)
        meets = self._met_ns is not None and frame.exposed_ns - self._met_ns < apart_ns
        slack_px = self._met_px if meets else 0.0
        self._evidence.add(frame, detections.centres_px.astype(np.float64), target_px, slack_px)
        lead = self._evidence.lead
        lost = target_px is None and any(track.id == self._id for track in _members(target))
        if self.proven and lead > _PROVEN:
            self._sure_um = np.array((frame.pose.x_um, frame.pose.y_um))
        if self.proven and (lead < _DOUBTFUL or (lost and lead < SHAKEN and not meets)):
            self._evidence.trusted = False
            self._steps = 0
        elif lead > _PROVEN and self._steps > 0:
            self._evidence.trust()
        fault = self._evidence.best
        careful = self._evidence.was_trusted or fault.affine(self._affine) is None
        least, fewest = _AGAIN if careful else _REFUTED
        refuted = lead < least and self._steps >= fewest and not self.proven
        return self._explain(fault) if refuted else ""

    def _follow(
        self, frame: Frame, detections: Detections, target: TargetGroup | None
    ) -> Floats | None:
        """Where the target is in the picture, (2,); of several, the one that was seen before."""
        seen = [track for track in _members(target) if track.seen_um is not None]
        if not seen:
            return self._any_object(detections)
        track = next((track for track in seen if track.id == self._id), seen[0])
        if track.id != self._id:
            self._id = track.id
            self._evidence.let_go()
        assert track.seen_um is not None
        target_px = self._pixel_of(track.seen_um, frame) + self._middle_px
        met_px = _meets(detections, target_px)
        if met_px is not None:
            self._met_ns, self._met_px = frame.exposed_ns, met_px
        return target_px

    def _any_object(self, detections: Detections) -> Floats | None:
        """Where the object in the middle is, (2,), if a doubt waits for the target in vain."""
        waits = not self.proven and self._evidence.was_trusted
        if not (waits and self._evidence.target_px is None and len(detections)):
            return None
        away_px = detections.centres_px - self._middle_px
        return detections.centres_px[np.hypot(*away_px.T).argmin()].astype(np.float64)

    def pause(self) -> None:
        """Compare no frame with those before: meanwhile the stage goes elsewhere."""
        self._last = None
        self._evidence.pause()

    @property
    def proven(self) -> bool:
        """Whether the picture has answered as it should."""
        return self._evidence.trusted

    def limited(self, plan: Plan, target: TargetGroup | None, frame: Frame) -> Plan:
        """Return a plan, or in its place a small first move while nothing is proven."""
        seen = target is not None or self._evidence.target_px is not None
        if self.proven:
            return self._slowed(plan, target, frame)
        if self._returns(target, frame):
            return Plan(self._sure_um, plan.prediction, FIRST_MOVES)
        if not (seen or plan.move_um is not None or plan.velocity_um_s is not None):
            return plan
        self._by_velocity = self._by_velocity or plan.velocity_um_s is not None
        since_ns = math.inf if self._sent_ns is None else frame.exposed_ns - self._sent_ns
        if self._by_velocity and since_ns < _VELOCITY_NS:
            return self._first_velocity(plan)
        answered = abs(self._evidence.lead - self._lead) > _ANSWERED or since_ns > _SEEN_NS
        waits = self._moves_px > REST_PX or not (answered and self._evidence.ready)
        step_px = None if waits else self._step_px(target, frame)
        if step_px is None:
            return Plan(prediction=plan.prediction, reason=FIRST_MOVES)
        pose_um = np.array((frame.pose.x_um, frame.pose.y_um))
        if self._steps == 0:
            self._evidence.forget()
            self._from_um = pose_um
        way_px = self._inverse @ (pose_um - self._from_um)
        if float(np.hypot(*(way_px + step_px))) > _MOST_WAY * self._side_px:
            step_px = np.where(way_px > 0, -1, 1) * np.abs(step_px)
        self._sent_ns, self._last_step_px = frame.exposed_ns, step_px
        self._lead = self._evidence.lead
        self._steps += 1
        if self._by_velocity:
            return self._first_velocity(plan)
        move_um = self._affine @ step_px + pose_um
        return Plan(move_um, plan.prediction, FIRST_MOVES)

    def _returns(self, target: TargetGroup | None, frame: Frame) -> bool:
        """Whether the stage goes back to where it was when nothing spoke against the proof.

        That brings a target back that is out of the picture or about to be, whatever is wrong.
        """
        if self._sure_um is None or self._by_velocity:
            return False
        if target is not None and target.seen_um is not None:
            near_px = _MOST_WAY / 2 * self._side_px
            if self._steps or np.hypot(*self._pixel_of(target.seen_um, frame)) < near_px:
                return False
        elif self._steps and self._evidence.target_px is not None:
            return False
        if np.abs(self._pixel_of(self._sure_um, frame)).max() < _LEAST_STEP_PX:
            return False
        self._steps = 0
        return True

    def _slowed(self, plan: Plan, target: TargetGroup | None, frame: Frame) -> Plan:
        """The plan, with a way that grows less from frame to frame while the proof is shaken.

        A fast target is still followed; a stage that runs away doubles its ways.
        """
        last_px, self._way_px = self._way_px, np.zeros(2)
        if plan.move_um is None:
            return plan
        pose_um = np.array((frame.pose.x_um, frame.pose.y_um))
        self._way_px = self._inverse @ np.asarray(plan.move_um - pose_um, np.float64)
        growth_px = self._way_px - last_px
        sure = max(self._evidence.lead / _PROVEN, _LEAST_GROWTH)
        share = sure * self._most_step_px / max(float(np.hypot(*growth_px)), 1e-9)
        if share >= 1 or target is None:
            return plan
        self._way_px = last_px + share * growth_px
        return replace(plan, move_um=pose_um + self._affine @ self._way_px)

    def _first_velocity(self, plan: Plan) -> Plan:
        """The velocity that makes a step in the time for it; it ends with the next plan."""
        velocity = (
            self._affine @ self._last_step_px * (NS_PER_S / max(_VELOCITY_NS, self._apart_ns))
        )
        return Plan(prediction=plan.prediction, reason=FIRST_MOVES, velocity_um_s=velocity)

    def _step_px(self, target: TargetGroup | None, frame: Frame) -> Floats | None:
        """A step toward the target that tells most of the hypotheses from each other, (2,).

        Back again if that has made the target disappear.
        """
        if target is not None and target.seen_um is not None:
            offset_px = self._pixel_of(target.seen_um, frame)
        elif self._evidence.target_px is not None:
            offset_px = self._evidence.target_px - self._middle_px
        else:
            return -self._last_step_px if self._steps % 2 else None
        length_px = max(_STEP_SIGMAS * self._evidence.errors.usual_px, _LEAST_STEP_PX)
        length_px = min(length_px, self._most_step_px)
        major = int(np.abs(offset_px).argmax()) ^ (self._steps % 2)
        step_px = np.where(offset_px < 0, -length_px, length_px)
        step_px[1 - major] /= 2
        return step_px

    def _pixel_of(self, position_um: Floats, frame: Frame) -> Floats:
        """Offset of a place from the middle of the field in pixels, (2,)."""
        return self._inverse @ (position_um - (frame.pose.x_um, frame.pose.y_um))

    def _explain(self, fault: Hypothesis) -> str:
        right = fault.affine(self._affine)
        if right is None:
            return (
                "What is followed stays at its place in the picture while the stage moves: it is "
                "a speck on the camera, the picture is repeated, or the stage slips."
            )
        numbers = ", ".join(f"{number:.4g}" for number in right.ravel())
        return (
            f"The picture does not move as the stage does: camera.affine is {fault.name}. With "
            f"affine = [{numbers}] under [camera] it would be right; or run `pursuit calibrate`."
        )


def _members(target: TargetGroup | None) -> list[Track]:
    return [] if target is None else target.members


def _meets(detections: Detections, target_px: Floats) -> float | None:
    """Size of the target in pixels if another object is so near that their images may merge."""
    if len(detections) < 2:
        return None
    offsets_px = detections.centres_px - target_px
    distances_px = np.hypot(offsets_px[:, 0], offsets_px[:, 1])
    left, top, right, bottom = detections.boxes_px[distances_px.argmin()]
    size_px = float(max(right - left, bottom - top))
    return size_px if int((distances_px < _NEAR * size_px).sum()) > 1 else None
