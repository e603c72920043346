"""The envelope: where the stage may be and how it may get there, whoever asks.

In: the limits of a configuration and of the facility's file, and where the stage stands at the
start. Out: an `Envelope` that says of a move what is wrong with it, and where the edge is.
"""

from __future__ import annotations

from .barriers import SLACK_UM
from .envelope import Box, Envelope, Position, Range, Target
from .facility import facility_limits
from .region import Reach
from .resolve import Limits, resolved
from .settings import LimitSettings

__all__ = [
    "SLACK_UM",
    "Box",
    "Envelope",
    "LimitSettings",
    "Limits",
    "Position",
    "Range",
    "Reach",
    "Target",
    "facility_limits",
    "resolved",
]
