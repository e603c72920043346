"""The loop: a frame comes, the target in it is found, the stage moves to where it will be."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import closing

from msgspec.structs import replace

from ...drivers.messages import Frame, Report
from ...drivers.microscope import Microscope
from ...models.detections import Detections
from ...models.detectors import Detector, HasNotes
from ..decisions import Lock
from ..focus import Focus
from ..policies import Horizon, Plan, Policy, plan_of
from ..response import ResponseCheck, ResponseError
from ..targets import TargetGroup, TargetSelection, VisitSchedule
from ..tracking import FieldGeometry, Tracker
from .attention import Attention, AttentionSettings
from .focusing import Focusing
from .frame_checks import FrameChecks
from .limits import WithinLimits
from .move_sender import MoveSender
from .record import record, record_unused
from .search import TargetSearch
from .step import Step, Stopwatch
from .yielding import BY_HAND, Yielding

_USABLE_FIELD = 0.8
"""Share of the field within which several objects are followed together. Chosen: the rest is for
their motion until the next frame, and for bodies that the edge would cut."""


class Loop:
    """Follows a target with a microscope.

    Parameters
    ----------
    microscope : Microscope
    detector : Detector
    tracker : Tracker
    target : TargetSelection
    policy : Policy
    attention : AttentionSettings
    focus : Focus
    dry_run : bool
        Do everything but move.
    """

    def __init__(
        self,
        microscope: Microscope,
        detector: Detector,
        tracker: Tracker,
        target: TargetSelection,
        policy: Policy,
        attention: AttentionSettings,
        focus: Focus,
        dry_run: bool = False,
    ) -> None:
        self._microscope = microscope
        self._tracker, self._target, self._policy = tracker, target, policy
        description = microscope.describe()
        self._geometry = FieldGeometry(description)
        sides_px = description.width_px, description.height_px
        self._attention = Attention(attention, self._geometry, sides_px, detector)
        self._limits = WithinLimits(description)
        self._search = TargetSearch(description, self._limits.envelope)
        self._checks = FrameChecks(description.pixel_um)
        self._yielding = Yielding(self._geometry)
        self._visits = VisitSchedule(_USABLE_FIELD * min(sides_px) * description.pixel_um)
        self._followed: TargetGroup | None = None
        self._detector_notes = detector.notes if isinstance(detector, HasNotes) else ()
        self._new_notes = [note for note in (description.uncalibrated, focus.note) if note]
        self._horizon = Horizon(description)
        self._notes_taken, self._began = 0, False
        self._sender = MoveSender(microscope, self._horizon, dry_run)
        self._focus, self.dry_run = focus, dry_run
        self._focusing = Focusing(focus, self._geometry, tracker)
        self._response, self._refuted = ResponseCheck(description), ""

    @property
    def interval_ns(self) -> float:
        """Time from one exposure to the next, as measured."""
        return self._horizon.interval_ns

    @property
    def answers(self) -> bool:
        """Whether the picture has answered to the stage as the calibration says: it follows."""
        return self._response.proven

    def prepare(self) -> None:
        """Look at a frame before following begins; nothing moves.

        What takes long the first time, as to find out how large the objects are, is then done
        while no frames are missed.
        """
        with closing(self._microscope.frames()) as frames:
            frame = next(frames, None)
        if frame is not None and not FrameChecks(self._geometry.pixel_um).fault(frame, False):
            self._attention.look(frame, self._target, None, (), self.interval_ns)

    def steps(self) -> Generator[Step, None, None]:
        """Follow for as long as frames come and the caller wants more.

        Called again, it goes on: tracks coast over the gap, from which no timing is learned.
        """
        gc.collect()
        gc.freeze()
        if self._began:
            self._horizon.pause()
            self._response.pause()
        with closing(self._microscope.frames(resume=self._began)) as frames:
            self._began = True
            try:
                for frame in frames:
                    yield self._step(frame)
                    if self._refuted:
                        raise ResponseError(self._refuted)
            finally:
                gc.unfreeze()

    def note(self, text: str) -> None:
        """Say something in the next decision."""
        self._new_notes.append(text)

    def _step(self, frame: Frame) -> Step:
        fault = self._checks.fault(frame, self._target.lock is Lock.LOCKED)
        if fault:
            self._end(self._checks.lasting(frame, fault))
            return self._pass_over(frame, fault)
        stopwatch = Stopwatch(frame)
        self._horizon.see(frame)
        reports = self._learn()
        self._target = self._yielding.target_after(frame, self._target, self._followed)
        self._tracker.advance(frame.exposed_ns)
        seen = self._target, self._followed, self._tracker.begun
        found, looked_px = self._attention.look(frame, *seen, self.interval_ns)
        detections = self._response.specks.without(found)
        stopwatch.lap("detect")
        measurements = self._geometry.measurements(detections, frame, looked_px)
        tracks = self._tracker.update(measurements, frame, self._target.meant_um)
        target = self._target.follow(tracks, frame)
        target = self._followed = self._check_response(frame, detections, target)
        stopwatch.lap("track")
        self._horizon.begin_plan(frame, stopwatch.last_ns)
        shown = self._visits.next(target, frame) if target else None
        self._focusing.measure(shown, frame)
        plan = self._allowed(self._plan(shown, frame), shown, frame)
        z_um = None
        if not (self._refuted or self._yielding.by_hand):
            z_um = self._focusing.plan(shown, plan, frame, self._horizon)
        plan, z_um = self._limits.bring_inside(plan, z_um, frame, self._horizon, bool(shown))
        stopwatch.lap("plan")
        self._sender.carry_out(plan, z_um, frame)
        stopwatch.lap("move")
        self._tracker.keep(self._target.wanted, frame)
        reports += self._learn()
        stopwatch.lap("learn")
        decision = replace(
            record(frame, measurements, tracks, target, plan, self._target.lock),
            reason=self._reason(plan),
            focus_um=z_um,
            focusing_light=self._focus.share_of_light,
            answers=self.answers or self.dry_run,
            took_nearest=self._target.took_nearest,
            held_by=self._yielding.held_by or self._limits.held_by,
            events=self._tracker.events(),
            notes=self._take_notes(),
            timings_us=stopwatch.laps_us,
        )
        return Step(frame, decision, reports, measurements)

    def _check_response(
        self, frame: Frame, detections: Detections, target: TargetGroup | None
    ) -> TargetGroup | None:
        """Stop the microscope if the picture does not answer to the stage as it should.

        A target that turns out to be a speck on the camera is let go: nothing is returned.
        """
        if self._yielding.by_hand:
            self._response.pause()
            return target
        self._end(self._response.see(frame, detections, target))
        if self._response.speck_id is None:
            return target
        x, y = self._response.specks.places_px[-1]
        self.note(
            f"What is at pixel ({x:.0f}, {y:.0f}) is left out: it stays there while the stage "
            "moves. It is a speck on the camera, or the stage slips."
        )
        self._target.reject(self._response.speck_id)
        return None

    def _end(self, reason: str) -> None:
        """Stop the microscope if there is a reason; following ends with this frame."""
        self._refuted = reason
        if reason:
            self._microscope.stop(reason)

    def _allowed(self, plan: Plan, shown: TargetGroup | None, frame: Frame) -> Plan:
        """What may be done of a plan while it is not proven that the picture answers."""
        if self._refuted or self._yielding.by_hand:
            return Plan(reason=self._refuted or BY_HAND)
        return plan if self.dry_run else self._response.limited(plan, shown, frame)

    def _reason(self, plan: Plan) -> str:
        """Why the lock or the focus changed, or else why nothing moves, or moves to an edge."""
        at_edge = self._sender.refusal or self._limits.focus_reason()
        return self._target.reason or self._focus.reason or plan.reason or at_edge

    def _pass_over(self, frame: Frame, fault: str) -> Step:
        """Learn nothing from a frame and move nothing."""
        frame = self._checks.with_known_pose(frame)
        self._target.pass_over()
        decision = replace(
            record_unused(frame, self._followed, self._target.lock, fault),
            answers=self.answers or self.dry_run,
            took_nearest=self._target.took_nearest,
            held_by=self._yielding.held_by or self._limits.held_by,
        )
        return Step(frame, decision, self._learn())

    def _plan(self, shown: TargetGroup | None, frame: Frame) -> Plan:
        self._search.note(shown, frame)
        if shown is None:
            return self._search.plan(self._target, frame, self._horizon, self._attention.all_shown)
        shown.watch(self._horizon.instant_ns(frame))
        plan = plan_of(self._policy, shown, frame, self._horizon)
        if plan.prediction is not None:
            shown.watch(plan.prediction.at_ns)
        return plan

    def _learn(self) -> list[Report]:
        reports = self._microscope.reports()
        for report in reports:
            self._horizon.learn(report)
            self._yielding.learn(report)
        return reports

    def _take_notes(self) -> tuple[str, ...]:
        """What there is to say since the last frame: by the detector, if it takes notes."""
        limits, hand = self._limits.take_notes(), self._yielding.take_notes()
        detector = self._detector_notes[self._notes_taken :]
        looks = self._attention.take_notes()
        new = (*self._new_notes, *detector, *looks, *self._target.take_notes(), *limits, *hand)
        self._notes_taken, self._new_notes = len(self._detector_notes), []
        return new
