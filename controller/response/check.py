"""The first moves of a session, and the watch over all others."""

from dataclasses import replace

import numpy as np

from ...drivers.messages import Description, Frame
from ...drivers.microscope import MicroscopeError
from ...models.arrays import Floats
from ...models.detections import Detections
from ..policies import Plan
from ..targets import TargetGroup
from ..tracking import FieldGeometry, Track
from .evidence import Evidence
from .hypotheses import Hypothesis
from .meetings import Meetings
from .others import Seen
from .small_moves import MOST_STEP, SmallMoves
from .specks import Specks
from .standstill import Standstill
from .sums import SHAKEN

_PROVEN = 6.0
"""Lead in nats from which the calibration is taken for right: 400 to 1. Chosen."""
_DOUBTFUL = -5.0
"""Lead below which a calibration that was proven has to prove itself again, by small moves. Chosen:
it seldom falls so low while objects are followed, and a doubt costs a moment."""
_IN_THE_MIDDLE, _WITHOUT_HARM = 0.03, -12.0
"""Distance of the target from the middle, in shorter sides of the field, and the lead below which a
calibration is doubtful that keeps it there: one that runs away does not. Chosen."""
_ASIDE, _ASIDE_IF_SURE = 0.05, 0.15
"""Distances from the middle, in shorter sides of the field, from which on it is watched whether the
target stands still in the picture: in general, and if the calibration leads as clearly as its proof
did. Chosen: most stages lag behind by less, and nearly all."""
_REFUTED = -10.0, 3
"""Lead from which it is taken for wrong, 22,000 to 1, and how many small moves must have told it.
Chosen: a false alarm ends a session, and a fast target is gone after more."""
_AGAIN = -14.0, 4
"""Both for a calibration that was proven before, and for a picture that does not answer at all:
what speaks against it may be another object that the target meets, or a stage that is late, and be
over a moment later. Chosen."""
_WRONG_SCALE = -14.0, 5
"""Both for a wrong scale, which a target that accelerates looks like, and a stage with a backlash
of which nobody has told. Chosen."""
_MOST_GROWTH, _LEAST_GROWTH = MOST_STEP, MOST_STEP / 4
"""How much longer a move may be than the last one, in shorter sides of the field: at a lead that
proves, and when a fault is as likely as none. Chosen: fast targets get away from no more, and the
ways of a runaway double from 2 % of a field."""
_SURE = 7.9
"""Lead from which a move may be as long as it likes. Chosen: a little less than the largest there
is, which only a proof gives from which nothing has taken away since."""


class ResponseError(MicroscopeError):
    """The picture does not answer to the stage as the calibration says."""


class ResponseCheck:
    """Proves the calibration by small first moves, and watches it from then on.

    Parameters
    ----------
    description : Description
        Of the microscope, with the affine in question.

    Attributes
    ----------
    specks : Specks
        What was taken for a target at first, and does not move with the specimen.
    speck_id : int or None
        Identity of the track that has just been found to be one.
    """

    def __init__(self, description: Description) -> None:
        self._affine = np.array(description.affine).reshape(2, 2)
        self._inverse = np.linalg.inv(self._affine)
        self._geometry = FieldGeometry(description)
        self._sides_px = description.width_px, description.height_px
        self._last: Frame | None = None
        self._moved_px, self._apart_ns = 0.0, 0
        self._way_px = np.zeros(2)
        self._meetings = Meetings()
        self._standstill = Standstill(min(self._sides_px))
        self.specks = Specks()
        self.speck_id: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._id: int | None = None
        self._size_px = 0.0
        self._evidence = Evidence(self._affine, self._sides_px)
        self._moves = SmallMoves(self._affine, min(self._sides_px), self._evidence)

    def see(self, frame: Frame, detections: Detections, target: TargetGroup | None) -> str:
        """Take in a frame; return what is wrong with the calibration, empty if nothing is known."""
        self.speck_id = None
        last, self._last = self._last, frame
        if last is not None:
            self._apart_ns = frame.exposed_ns - last.exposed_ns
            moved_um = (frame.pose.x_um - last.pose.x_um, frame.pose.y_um - last.pose.y_um)
            self._moved_px = float(np.abs(self._inverse @ moved_um).max())
        target_px = self._follow(frame, detections, target)
        slack_px = self._meetings.slack_px(frame.exposed_ns, self._apart_ns)
        places_px = detections.centres_px.astype(np.float64)
        seen = Seen(frame.exposed_ns, places_px, target_px, self._size_px)
        self._evidence.add(frame, seen, slack_px)
        if self.proven:
            self._doubt(frame, target, target_px, slack_px > 0)
            return ""
        return self._judge()

    def _doubt(
        self, frame: Frame, target: TargetGroup | None, target_px: Floats | None, meets: bool
    ) -> None:
        """Have a calibration proven anew if what is seen speaks against it."""
        lead = self._evidence.lead
        lost = target_px is None and any(track.id == self._id for track in _members(target))
        leaves = target_px is None or self._away(target_px) > _IN_THE_MIDDLE
        aside = _ASIDE_IF_SURE if lead > _PROVEN else _ASIDE
        if target_px is not None and self._away(target_px) > aside:
            self._standstill.see(target_px, self._inverse @ (frame.pose.x_um, frame.pose.y_um))
        elif target_px is not None:
            self._standstill.forget()
        if (
            self._standstill.lasts
            or lead < (_DOUBTFUL if leaves else _WITHOUT_HARM)
            or (lost and lead < SHAKEN and not meets)
        ):
            self._evidence.trusted = False
            self._moves.restart()
            self._standstill.forget()
        elif lead > _PROVEN:
            self._moves.note_sure(frame)

    def _judge(self) -> str:
        """Believe or refute; return why it is refuted."""
        lead, fault = self._evidence.lead, self._evidence.best
        if lead > _PROVEN and self._moves.count > 0:
            self._evidence.trust()
            return ""
        least, fewest = self._limit(fault)
        if lead >= least or self._moves.count < fewest:
            return ""
        place_px = self._evidence.target_px
        may_be_speck = fault.stays and not (self._evidence.was_trusted or self.specks.too_many)
        if not may_be_speck or place_px is None:
            return fault.explain(self._affine, self._is_contradicted(fault))
        self.specks.add(place_px)
        self.speck_id = self._id
        self._begin()
        return ""

    def _is_contradicted(self, fault: Hypothesis) -> bool:
        """Whether the first moves, all together, tell of another fault: an angle, say."""
        evidence = self._evidence
        first = not evidence.was_trusted
        return first and evidence.answers.contradict(fault, evidence.errors.usual_px)

    def _limit(self, fault: Hypothesis) -> tuple[float, int]:
        """The lead below which a fault is believed, and how many small moves must have told it."""
        if self._evidence.was_trusted or fault.stays:
            return _AGAIN
        return _WRONG_SCALE if fault.is_scale else _REFUTED

    def _away(self, target_px: Floats) -> float:
        """How far a place (2,) is from the middle of the picture, in shorter sides of the field."""
        return float(np.hypot(*(target_px - self._evidence.middle_px))) / min(self._sides_px)

    def _follow(
        self, frame: Frame, detections: Detections, target: TargetGroup | None
    ) -> Floats | None:
        """Where the target is in the picture, (2,); of several, the one that was seen before."""
        seen = [track for track in _members(target) if track.seen_um is not None]
        if any(track.shares and track.id == self._id for track in _members(target)):
            self._meetings.go_on(frame.exposed_ns)
        if not seen:
            return self._any_object(detections)
        track = next((track for track in seen if track.id == self._id), seen[0])
        if track.id != self._id:
            self._id = track.id
            self._evidence.let_go()
        assert track.seen_um is not None
        self._size_px = track.size_um / abs(np.linalg.det(self._affine)) ** 0.5
        target_px = np.array(self._geometry.pixel_of(track.seen_um, frame))
        self._meetings.see(detections, target_px, frame.exposed_ns)
        return target_px

    def _any_object(self, detections: Detections) -> Floats | None:
        """Where the object in the middle is, (2,), if a doubt waits for the target in vain."""
        waits = not self.proven and self._evidence.was_trusted
        if not (waits and self._evidence.target_px is None and len(detections)):
            return None
        away_px = detections.centres_px - self._evidence.middle_px
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
        if self.proven:
            return self._nudged(self._slowed(plan, target, frame), frame)
        seen = target is not None or self._evidence.target_px is not None
        moves = plan.move_um is not None or plan.velocity_um_s is not None
        if not (seen or moves or self._evidence.was_trusted):
            return plan
        return self._moves.plan(plan, target, frame, self._moved_px, self._apart_ns)

    def _slowed(self, plan: Plan, target: TargetGroup | None, frame: Frame) -> Plan:
        """The plan, with a way that grows the less from frame to frame the less is proven.

        A fast target is still followed; a stage that runs away doubles its ways. It may always be
        shorter, and one in another direction grows from nothing.
        """
        last_px, self._way_px = self._way_px, np.zeros(2)
        if plan.move_um is None:
            return plan
        pose_um = np.array((frame.pose.x_um, frame.pose.y_um))
        self._way_px = self._inverse @ np.asarray(plan.move_um - pose_um, np.float64)
        along = float(self._way_px @ last_px) / max(float(last_px @ last_px), 1e-9)
        kept_px = min(max(along, 0.0), 1.0) * last_px
        growth_px = self._way_px - kept_px
        most = max(_MOST_GROWTH * self._evidence.lead / _PROVEN, _LEAST_GROWTH)
        share = most * min(self._sides_px) / max(float(np.hypot(*growth_px)), 1e-9)
        if share >= 1 or target is None or self._evidence.lead > _SURE:
            return plan
        self._way_px = kept_px + share * growth_px
        return replace(plan, move_um=pose_um + self._affine @ self._way_px)

    def _nudged(self, plan: Plan, frame: Frame) -> Plan:
        """The plan, with a way that leads aside if the target seems to stand still."""
        if plan.move_um is None:
            return plan
        way_um = np.asarray(plan.move_um - (frame.pose.x_um, frame.pose.y_um), np.float64)
        nudge_px = self._standstill.nudge_px(self._inverse @ way_um)
        return replace(plan, move_um=plan.move_um + self._affine @ nudge_px)


def _members(target: TargetGroup | None) -> list[Track]:
    return [] if target is None else target.members
