"""What the controller saw, estimated and did.

In: one `Decision` a frame. Out: the same, on the wire, and what was followed in all of them.
"""

from __future__ import annotations

from .decision import Decision, Event, Lock, TrackPoint
from .followed import Followed
from .topic import DecisionListener, DecisionPublisher

__all__ = [
    "Decision",
    "DecisionListener",
    "DecisionPublisher",
    "Event",
    "Followed",
    "Lock",
    "TrackPoint",
]
