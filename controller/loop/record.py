"""What is recorded of a step: detections, tracks, target and plan of a frame, as a `Decision`."""

from __future__ import annotations

from ...drivers.clock import NS_PER_MS
from ...drivers.messages import Frame
from ...models.arrays import Floats
from ..decisions import Decision, Lock, TrackPoint
from ..policies import Plan
from ..targets import TargetGroup
from ..tracking import Measurements, Track


def record(
    frame: Frame,
    measurements: Measurements,
    tracks: list[Track],
    target: TargetGroup | None,
    plan: Plan,
    lock: Lock,
) -> Decision:
    """Record what was seen in a frame, what is followed and what was planned."""
    pose, prediction = frame.pose, plan.prediction
    return Decision(
        frame=frame.index,
        exposed_ns=frame.exposed_ns,
        pose_um=(pose.x_um, pose.y_um, pose.z_um),
        detections=len(measurements),
        looked_px=measurements.looked_px,
        lock=lock,
        target=target.id if target else None,
        targets=_ids(target),
        seen_um=_pair(target.seen_um if target else None),
        seen_score=target.score if target else 0.0,
        predicted_um=_pair(prediction.mean_um) if prediction else None,
        predicted_sigma_um=_sigma_um(prediction.cov_um2) if prediction else 0.0,
        horizon_ms=(prediction.at_ns - frame.exposed_ns) / NS_PER_MS if prediction else 0.0,
        move_um=_pair(plan.move_um),
        velocity_um_s=_pair(plan.velocity_um_s),
        tracks=tuple(_point(track) for track in tracks),
    )


def record_unused(frame: Frame, target: TargetGroup | None, lock: Lock, fault: str) -> Decision:
    """Record that nothing was learned from a frame, and why."""
    pose = frame.pose
    return Decision(
        frame=frame.index,
        exposed_ns=frame.exposed_ns,
        pose_um=(pose.x_um, pose.y_um, pose.z_um),
        detections=0,
        lock=lock,
        reason=fault,
        target=target.id if target else None,
        targets=_ids(target),
    )


def _ids(target: TargetGroup | None) -> tuple[int, ...]:
    """Identities of all that is followed."""
    return tuple(track.id for track in target.all) if target else ()


def _pair(numbers: Floats | None) -> tuple[float, float] | None:
    return None if numbers is None else (float(numbers[0]), float(numbers[1]))


def _sigma_um(cov_um2: Floats) -> float:
    return float((cov_um2[0, 0] + cov_um2[1, 1]) / 2) ** 0.5


def _point(track: Track) -> TrackPoint:
    x, y, z = track.prediction.mean_um.tolist()
    return TrackPoint(track.id, x, y, z, track.seen_um is not None)
