"""The loop: a frame comes, the target in it is found, the stage moves to where it will be."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..drivers.clock import NS_PER_MS, NS_PER_S
from ..drivers.messages import Frame, Move, Report
from ..drivers.microscope import Microscope
from ..models.detections import Detections
from ..models.detectors import Detector
from ..models.detectors.window import detect_within
from .attention import Attention, AttentionSettings
from .decision import Decision, TrackPoint
from .finding import Search
from .group import Followed, Group, Tour
from .horizon import Horizon
from .policies import Plan, Policy
from .sightings import Crop, Sightings, View
from .targets import Target
from .tracking import Tracker
from .tracks import Track

_LEAST_LIFE_NS = 250 * NS_PER_MS
_LIFE_INTERVALS = 3
_TOGETHER = 0.8
"""Share of the field within which several objects are followed together."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the loop: the frame, what was decided, what the microscope reported."""

    frame: Frame
    decision: Decision
    reports: list[Report]


class Stopwatch:
    """Laps on the host's clock, in µs.

    The first two are the way of a frame from another process: ``wire``, until this process
    learned of it, and ``receive``, until it was in the hands of the loop.
    """

    def __init__(self, frame: Frame) -> None:
        self._last_ns = time.perf_counter_ns()
        self.laps_us: dict[str, float] = {}
        if frame.arrived_ns:
            self.laps_us["wire"] = (frame.arrived_ns - frame.readable_ns) / 1e3
            self.laps_us["receive"] = (self._last_ns - frame.arrived_ns) / 1e3

    def lap(self, name: str) -> None:
        """Note the time since the last lap."""
        now_ns = time.perf_counter_ns()
        self.laps_us[name] = (now_ns - self._last_ns) / 1e3
        self._last_ns = now_ns


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
    """

    def __init__(
        self,
        microscope: Microscope,
        detector: Detector,
        tracker: Tracker,
        target: Target,
        policy: Policy,
        attention: AttentionSettings,
    ) -> None:
        self._microscope = microscope
        self._detector = detector
        self._tracker = tracker
        self._target = target
        self._policy = policy
        description = microscope.describe()
        self._view = View(description)
        self._attention = Attention(attention, self._view, detector)
        self._search = Search(description)
        sides_px = min(description.width_px, description.height_px)
        self._tour = Tour(_TOGETHER * sides_px * description.pixel_um)
        self._home_um: NDArray[np.float64] | None = None
        self._followed: Followed | None = None
        self._notes_said = 0
        self._horizon = Horizon(description)

    @property
    def interval_ns(self) -> float:
        """Time from one exposure to the next, as measured."""
        return self._horizon.interval_ns

    def turns(self) -> Generator[Turn, None, None]:
        """Follow for as long as frames come and the caller wants more."""
        gc.collect()
        gc.freeze()
        with closing(self._microscope.frames()) as frames:
            try:
                for frame in frames:
                    yield self._turn(frame)
            finally:
                gc.unfreeze()

    def _turn(self, frame: Frame) -> Turn:
        watch = Stopwatch(frame)
        detections, looked_px = self._look(frame)
        watch.lap("detect")
        sightings = self._view.sightings(detections, frame, looked_px)
        tracks = self._tracker.update(sightings, frame)
        target = self._followed = self._target.follow(tracks, frame)
        self._tracker.kept = self._target.kept
        watch.lap("track")
        plan = self._plan(target, frame)
        watch.lap("plan")
        self._carry_out(plan, frame)
        watch.lap("move")
        reports = self._learn(frame)
        watch.lap("learn")
        decision = self._decision(frame, sightings, tracks, target, plan, watch.laps_us)
        return Turn(frame, decision, reports)

    def _look(self, frame: Frame) -> tuple[Detections, Crop | None]:
        """Detect in a window around the target if that is enough, else in the whole field."""
        window = self._attention.window(self._followed, self._target.lock, frame)
        if window is None:
            return self._detector.detect(frame.image), None
        found = detect_within(self._detector, frame.image, window)
        return found, window.crop(frame.image.shape)

    def _plan(self, target: Followed | None, frame: Frame) -> Plan:
        if self._home_um is None:
            self._home_um = np.array((frame.pose.x_um, frame.pose.y_um))
        if target is None:
            return self._seek(self._target.lost, frame, self._home_um)
        self._search.restart()
        wanted = self._tour.stop(target) if isinstance(target, Group) else target
        return self._policy.plan(wanted, frame, self._horizon)

    def _seek(self, lost: Track | None, frame: Frame, home_um: NDArray[np.float64]) -> Plan:
        """Look for a lost target where it may be, for a while; then go home."""
        longest_s = self._target.settings.search_s
        if lost is None or not longest_s:
            return Plan(reason="no target")
        if frame.exposed_ns - self._target.lost_ns > longest_s * NS_PER_S:
            return Plan(home_um, reason="searched in vain: back to where following began")
        where_um = self._search.where_um(lost, frame, self._horizon.instant_ns(frame))
        return Plan(where_um, reason="searching where it may be")

    def _learn(self, frame: Frame) -> list[Report]:
        self._horizon.see(frame)
        reports = self._microscope.reports()
        for report in reports:
            self._horizon.learn(report)
        return reports

    def _carry_out(self, plan: Plan, frame: Frame) -> None:
        if plan.move_um is None:
            return
        life_ns = max(round(_LIFE_INTERVALS * self._horizon.interval_ns), _LEAST_LIFE_NS)
        x, y = plan.move_um.tolist()
        self._microscope.move(Move(x, y, None, frame.readable_ns + life_ns, frame.index))

    def _decision(
        self,
        frame: Frame,
        sightings: Sightings,
        tracks: list[Track],
        target: Followed | None,
        plan: Plan,
        timings_us: dict[str, float],
    ) -> Decision:
        pose, prediction = frame.pose, plan.prediction
        seen = target if target and target.seen_um is not None else None
        return Decision(
            frame=frame.index,
            exposed_ns=frame.exposed_ns,
            pose_um=(pose.x_um, pose.y_um, pose.z_um),
            detections=len(sightings),
            looked_px=sightings.looked_px,
            lock=self._target.lock,
            reason=self._target.reason or plan.reason,
            target=target.id if target else None,
            seen_um=_pair(seen.seen_um) if seen and seen.seen_um is not None else None,
            seen_score=seen.score if seen else 0.0,
            predicted_um=_pair(prediction.mean_um) if prediction else None,
            predicted_sigma_um=_sigma_um(prediction.cov_um2) if prediction else 0.0,
            horizon_ms=(prediction.at_ns - frame.exposed_ns) / NS_PER_MS if prediction else 0.0,
            move_um=_pair(plan.move_um) if plan.move_um is not None else None,
            tracks=tuple(_point(track) for track in tracks),
            events=self._tracker.events(),
            notes=self._new_notes(),
            timings_us=timings_us,
        )

    def _new_notes(self) -> tuple[str, ...]:
        """What the detector has noted since the last frame, if it takes notes."""
        notes = getattr(self._detector, "notes", ())
        new, self._notes_said = tuple(notes[self._notes_said :]), len(notes)
        return new


def _pair(position_um: NDArray[np.float64]) -> tuple[float, float]:
    return float(position_um[0]), float(position_um[1])


def _sigma_um(cov_um2: NDArray[np.float64]) -> float:
    return float((cov_um2[0, 0] + cov_um2[1, 1]) / 2) ** 0.5


def _point(track: Track) -> TrackPoint:
    x, y, z = track.prediction.mean_um.tolist()
    return TrackPoint(track.id, x, y, z, track.seen_um is not None)
