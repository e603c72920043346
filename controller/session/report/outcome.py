"""How a session ended for its target."""

from __future__ import annotations

from typing import Any

from ...decisions import Lock
from ...response import FEWEST_FRAMES

_SLOW = 10
"""Frames passed over for each one that was looked at, from which that is told. Chosen: most things
have gone elsewhere after ten."""
_HELD = {
    "limits": "The stage has been at the limit, and the target beyond it,",
    "hand": "The stage has been yielded to a hand",
}
"""What is told at the end of what kept the stage from the target."""
_SUBJECTS = {
    "target": "The target",
    "nearest": "Not what was pointed at, but the nearest to it,",
    "daughter": "A daughter of the target",
    "other": "Another object than at first",
}
"""What was followed at the end, by what `Followed` calls it."""
_TOLD_S = 0.05
"""From when it is told how long a target was unseen; it rounds to a tenth of a second."""
_MOST_UNSEEN = 15
"""Frames without the target after which it is in hand no longer. Chosen: a half more than the
tracker lets a target in the field go unseen by default."""
_US_PER_S = 1_000_000


def in_hand(summary: dict[str, Any]) -> bool:
    """Whether a session ended with its target followed, though perhaps unseen for a moment.

    Not if it has been unseen for too long, nor while small moves had yet to show that the picture
    answers to the stage, nor while the stage waited at the edge of its limits, or a hand moved it.
    """
    follows = summary["answered"] and not summary["held_by"]
    coasts = summary["lock_at_end"] == Lock.COASTING and not _is_long_unseen(summary)
    return follows and (summary["lock_at_end"] == Lock.LOCKED or coasts)


def _is_long_unseen(summary: dict[str, Any]) -> bool:
    """Whether a target that coasts may be anywhere: outside of the field it is not missed."""
    unseen_s = summary["seconds"] - summary["last_seen_s"]
    return unseen_s * (summary["frame_rate"] or 0.0) > _MOST_UNSEEN


def how_it_ended(summary: dict[str, Any]) -> str:
    """Say in a sentence how a session ended for its target."""
    last_s, seconds = summary["last_seen_s"], summary["seconds"]
    if last_s is None and summary["dropped"] > _SLOW * summary["frames"]:
        look_s = summary["timings_us"]["detect"]["p50"] / _US_PER_S
        return (
            f"Nothing to follow was found in {summary['frames']} frames, and "
            f"{summary['dropped']} were passed over, as it takes {look_s:.2g} s to look at one: "
            "choose a faster detector (blobs), fewer pixels or a faster computer."
        )
    if last_s is None and summary["detections"] >= 1:
        return (
            f"Nothing to follow was found in {summary['frames']} frames, though "
            f"{summary['detections']:.3g} objects were detected in each: check --start, or "
            "point_um and reach_um under [target], focus and light."
        )
    if last_s is None:
        return (
            f"Nothing to follow was found in {summary['frames']} frames: check --start or "
            "point_um, focus and light, and that the object is smaller than the field, or tell "
            "[detector] the size and polarity of the objects."
        )
    if summary["held_by"]:
        return (
            f"{_HELD[summary['held_by']]} since {summary['held_since_s']:.1f} s of "
            f"{seconds:.1f} s: the target was last seen at {last_s:.1f} s."
        )
    if summary["lock_at_end"] == Lock.SEARCHING and summary["hand_s"] is not None:
        return (
            "No target was found where a hand had left the stage: it took the stage at "
            f"{summary['hand_s']:.1f} s, the target was last seen at {last_s:.1f} s."
        )
    if summary["answered_from"] is None and summary["lock_at_end"] == Lock.LOST:
        return (
            f"What was seen until {last_s:.1f} s was gone before the picture had answered to the "
            "stage: it may have been no object."
        )
    if summary["lock_at_end"] not in (Lock.LOCKED, Lock.COASTING):
        return f"{_subject(summary)} was lost: last seen at {last_s:.1f} s of {seconds:.1f} s."
    if not summary["answered"] and summary["frames"] < FEWEST_FRAMES:
        return (
            "The session ended before the picture had answered to the stage: "
            f"{_frames(summary['frames'])} too few, and at least {FEWEST_FRAMES} are needed."
        )
    if not summary["answered"]:
        return (
            "The session ended before the picture had answered to the stage: what was seen may "
            "be no object, or there was no time."
        )
    if summary["lock_at_end"] == Lock.COASTING and _is_long_unseen(summary):
        return (
            f"The target was last seen at {last_s:.1f} s of {seconds:.1f} s: it may have left the "
            "field."
        )
    told = [f"{_subject(summary)} was followed to the end"]
    return ", ".join([*told, *_exceptions(summary)]) + "."


def _subject(summary: dict[str, Any]) -> str:
    """What was followed last."""
    parts = summary["followed"]
    return _SUBJECTS[parts[-1]["what"] if parts else "target"]


def _frames(count: int) -> str:
    return "1 frame is" if count == 1 else f"{count} frames are"


def _exceptions(summary: dict[str, Any]) -> list[str]:
    """What there is to tell of frames without the target, or with anything else in its place."""
    parts, frames, told = summary["followed"], summary["frames_followed"], list[str]()
    last_s = summary["seconds"] - summary["last_seen_s"]
    if parts[-1]["what"] != parts[0]["what"]:
        told.append(f"from {parts[-1]['from_s']:.1f} s of {summary['seconds']:.1f} s on")
    if others := sum(part["frames"] for part in parts[:-1] if part["what"] == "other"):
        told.append(f"another object in its place in {others} of {frames} frames")
    if summary["unseen"]:
        told.append(f"not seen in {summary['unseen']} of {frames} frames")
    if summary["lock_at_end"] == Lock.COASTING and last_s >= _TOLD_S:
        told.append(f"unseen for the last {last_s:.1f} s")
    return told
