"""How a session ended for its target."""

from __future__ import annotations

from typing import Any

from ..decisions import Lock


def in_hand(summary: dict[str, Any]) -> bool:
    """Whether a session ended with its target followed, though perhaps unseen for a moment."""
    return summary["lock_at_end"] in (Lock.LOCKED, Lock.COASTING)


def how_it_ended(summary: dict[str, Any]) -> str:
    """Say in a sentence how a session ended for its target."""
    last_s, seconds = summary["last_seen_s"], summary["seconds"]
    if last_s is None:
        return (
            f"Nothing to follow was found in {summary['frames']} frames: check focus and light, "
            "or tell [detector] the size and polarity of the objects."
        )
    if not in_hand(summary):
        return f"The target was lost: last seen at {last_s:.1f} s of {seconds:.1f} s."
    if summary["lock_at_end"] == Lock.COASTING:
        return f"The target was followed to the end, unseen for the last {seconds - last_s:.1f} s."
    return "The target was followed to the end."
