"""Which objects are followed, one or several.

In: confirmed tracks. Out: what to follow, or what to look for.
"""

from __future__ import annotations

from .followed import Followed
from .target import Target, TargetSettings
from .visits import VisitSchedule

__all__ = ["Followed", "Target", "TargetSettings", "VisitSchedule"]
