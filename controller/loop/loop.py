"""The loop: a frame comes, the target in it is found, the stage moves to where it will be."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Frame, Report
from ...drivers.microscope import Microscope
from ...models.detections import Detections
from ...models.detectors import Detector, HasNotes, Window, detect_within
from ..decisions import Decision, TrackPoint
from ..focus import Focus
from ..policies import Horizon, Plan, Policy
from ..targets import Followed, Group, Target, Tour
from ..tracking import Crop, FieldGeometry, Measurements, Track, Tracker
from .attention import Attention, AttentionSettings
from .frame_checks import FrameChecks
from .move_sender import MoveSender
from .search import TargetSearch
from .step import Step, Stopwatch

_AROUND = 1.5
"""Half of what is looked at to focus, in sizes of the target."""
_TOGETHER = 0.8
"""Share of the field within which several objects are followed together."""


class Loop:
    """Follows one target with one microscope.

    Parameters
    ----------
    microscope : Microscope
    detector : Detector
    tracker : Tracker
    target : Target
    policy : Policy
    attention : AttentionSettings
    focus : Focus
    """

    def __init__(
        self,
        microscope: Microscope,
        detector: Detector,
        tracker: Tracker,
        target: Target,
        policy: Policy,
        attention: AttentionSettings,
        focus: Focus,
    ) -> None:
        self._microscope, self._detector = microscope, detector
        self._tracker = tracker
        self._target = target
        self._policy = policy
        description = microscope.describe()
        self._geometry = FieldGeometry(description)
        self._attention = Attention(attention, self._geometry, detector)
        self._search_for_lost = TargetSearch(description)
        self._checks = FrameChecks()
        sides_px = min(description.width_px, description.height_px)
        self._tour = Tour(_TOGETHER * sides_px * description.pixel_um)
        self._followed: Followed | None = None
        self._notes = detector.notes if isinstance(detector, HasNotes) else ()
        self._notes_said = 0
        self._unsaid = [focus.note] if focus.note else []
        self._horizon = Horizon(description)
        self._began = False
        self._sender = MoveSender(microscope, self._horizon)
        self._focus = focus

    @property
    def interval_ns(self) -> float:
        """Time from one exposure to the next, as measured."""
        return self._horizon.interval_ns

    def steps(self) -> Generator[Step, None, None]:
        """Follow for as long as frames come and the caller wants more.

        Called again, it goes on: tracks coast over the gap, from which no timing is learned.
        """
        gc.collect()
        gc.freeze()
        if self._began:
            self._horizon.pause()
        with closing(self._microscope.frames(resume=self._began)) as frames:
            self._began = True
            try:
                for frame in frames:
                    yield self._step(frame)
            finally:
                gc.unfreeze()

    def note(self, text: str) -> None:
        """Say something in the next decision."""
        self._unsaid.append(text)

    def _step(self, frame: Frame) -> Step:
        fault = self._checks.fault(frame)
        if fault:
            return self._passed_over(frame, fault)
        watch = Stopwatch(frame)
        self._horizon.see(frame)
        reports = self._learn()
        detections, looked_px = self._look(frame)
        watch.lap("detect")
        measurements = self._geometry.measurements(detections, frame, looked_px)
        tracks = self._tracker.update(measurements, frame)
        target = self._followed = self._target.follow(tracks, frame)
        self._tracker.kept = self._target.kept
        watch.lap("track")
        goal = self._tour.stop(target) if isinstance(target, Group) else target
        subject = goal.members[0] if isinstance(goal, Group) else goal
        self._measure_focus(subject, frame)
        plan = self._plan(goal, frame)
        z_um = self._plan_focus(subject, plan, frame)
        watch.lap("plan")
        self._sender.carry_out(plan, z_um, frame)
        watch.lap("move")
        reports += self._learn()
        watch.lap("learn")
        decision = self._decision(frame, measurements, tracks, target, plan, z_um, watch.laps_us)
        return Step(frame, decision, reports)

    def _passed_over(self, frame: Frame, fault: str) -> Step:
        """Learn nothing from a frame and move nothing."""
        frame = self._checks.mended(frame)
        self._target.pass_over()
        x, y, z = frame.pose.x_um, frame.pose.y_um, frame.pose.z_um
        decision = Decision(
            frame.index,
            frame.exposed_ns,
            (x, y, z),
            0,
            self._target.lock,
            reason=fault,
            target=self._followed.id if self._followed else None,
            targets=_names(self._followed),
        )
        return Step(frame, decision, self._learn())

    def _look(self, frame: Frame) -> tuple[Detections, Crop | None]:
        """Detect in a window around the target if that is enough, else in the whole field."""
        window = self._attention.window(self._followed, self._target.lock, frame)
        if window is None:
            return self._detector.detect(frame.image), None
        found = detect_within(self._detector, frame.image, window)
        return found, window.crop(frame.image.shape)

    def _plan(self, goal: Followed | None, frame: Frame) -> Plan:
        self._search_for_lost.note(goal, frame)
        if goal is None:
            return self._search_for_lost.plan(self._target, frame, self._horizon)
        goal.watch(self._horizon.instant_ns(frame))
        plan = self._policy.plan(goal, frame, self._horizon)
        if plan.prediction is not None:
            goal.watch(plan.prediction.at_ns)
        return plan

    def _measure_focus(self, subject: Track | None, frame: Frame) -> None:
        """Look at an object's sharpness; what it tells of z goes into its filter."""
        window = None
        if subject is not None and subject.seen_um is not None:
            half_px = _AROUND * subject.size_um / self._geometry.pixel_um
            window = Window(self._geometry.pixel_of(subject.seen_um, frame), half_px)
        measured = self._focus.see(frame, window, subject.prediction if subject else None)
        if subject is not None and measured is not None:
            self._tracker.focus(subject, measured.z_um, measured.sigma_um)

    def _plan_focus(self, subject: Track | None, plan: Plan, frame: Frame) -> float | None:
        """Where the focal plane goes."""
        if subject is None:
            return self._focus.plan(None, frame)
        at_ns, foreseen = self._horizon.instant_ns(frame), plan.prediction
        if foreseen is None or foreseen.at_ns != at_ns or isinstance(self._followed, Group):
            foreseen = subject.predict(at_ns)
        return self._focus.plan(foreseen, frame)

    def _learn(self) -> list[Report]:
        reports = self._microscope.reports()
        for report in reports:
            self._horizon.learn(report)
        return reports

    def _decision(
        self,
        frame: Frame,
        measurements: Measurements,
        tracks: list[Track],
        target: Followed | None,
        plan: Plan,
        z_um: float | None,
        timings_us: dict[str, float],
    ) -> Decision:
        pose, prediction = frame.pose, plan.prediction
        seen = target if target and target.seen_um is not None else None
        return Decision(
            frame=frame.index,
            exposed_ns=frame.exposed_ns,
            pose_um=(pose.x_um, pose.y_um, pose.z_um),
            detections=len(measurements),
            looked_px=measurements.looked_px,
            lock=self._target.lock,
            reason=self._target.reason or self._focus.reason or plan.reason,
            target=target.id if target else None,
            targets=_names(target),
            seen_um=_pair(seen.seen_um) if seen and seen.seen_um is not None else None,
            seen_score=seen.score if seen else 0.0,
            predicted_um=_pair(prediction.mean_um) if prediction else None,
            predicted_sigma_um=_sigma_um(prediction.cov_um2) if prediction else 0.0,
            horizon_ms=(prediction.at_ns - frame.exposed_ns) / NS_PER_MS if prediction else 0.0,
            move_um=_pair(plan.move_um) if plan.move_um is not None else None,
            velocity_um_s=_pair(plan.velocity_um_s) if plan.velocity_um_s is not None else None,
            focus_um=z_um,
            focusing_light=self._focus.share_of_light,
            tracks=tuple(_point(track) for track in tracks),
            events=self._tracker.events(),
            notes=self._new_notes(),
            timings_us=timings_us,
        )

    def _new_notes(self) -> tuple[str, ...]:
        """What there is to say since the last frame: by the detector, if it takes notes."""
        new = (*self._unsaid, *self._notes[self._notes_said :])
        self._notes_said, self._unsaid = len(self._notes), []
        return new


def _names(target: Followed | None) -> tuple[int, ...]:
    if isinstance(target, Group):
        return tuple(track.id for track in (*target.members, *target.sought))
    return (target.id,) if target else ()


def _pair(position_um: NDArray[np.float64]) -> tuple[float, float]:
    return float(position_um[0]), float(position_um[1])


def _sigma_um(cov_um2: NDArray[np.float64]) -> float:
    return float((cov_um2[0, 0] + cov_um2[1, 1]) / 2) ** 0.5


def _point(track: Track) -> TrackPoint:
    x, y, z = track.prediction.mean_um.tolist()
    return TrackPoint(track.id, x, y, z, track.seen_um is not None)
