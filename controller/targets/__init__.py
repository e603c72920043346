"""Which objects are followed, one or several.

In: confirmed tracks. Out: what to follow, or whom to look for.
"""

from __future__ import annotations

from .group import Followed, Group, Tour
from .target import Target, TargetSettings

__all__ = ["Followed", "Group", "Target", "TargetSettings", "Tour"]
