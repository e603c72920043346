"""controller.targets."""

from __future__ import annotations

from .group import Followed, Group, Tour
from .target import Target, TargetSettings

__all__ = ["Followed", "Group", "Target", "TargetSettings", "Tour"]
