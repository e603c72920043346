"""What the controller saw, estimated and did.

In: one `Decision` a frame. Out: the same, on the wire.
"""

from __future__ import annotations

from .decision import Decision, Event, Lock, TrackPoint
from .topic import DecisionListener, DecisionPublisher

__all__ = ["Decision", "DecisionListener", "DecisionPublisher", "Event", "Lock", "TrackPoint"]
