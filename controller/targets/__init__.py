"""Which objects are followed, one or several.

In: confirmed tracks. Out: what to follow, or what to look for.
"""

from .target_group import TargetGroup
from .target_selection import TargetSelection, TargetSettings
from .visits import VisitSchedule

__all__ = ["TargetGroup", "TargetSelection", "TargetSettings", "VisitSchedule"]
