"""Which objects are followed, one or several.

In: confirmed tracks. Out: what to follow, or what to look for.
"""

from .pointing import Places
from .target_group import TargetGroup
from .target_selection import TargetSelection, TargetSettings
from .visits import VisitSchedule

__all__ = ["Places", "TargetGroup", "TargetSelection", "TargetSettings", "VisitSchedule"]
