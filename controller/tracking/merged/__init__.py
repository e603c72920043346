"""Merged measurements: objects that overlap are seen as one, and stay two.

In: tracks and measurements, assigned one to one. Out: which tracks share one, and where each is.
"""

from .measurements import Assigned, ClosePairs
from .positions import resolve

__all__ = ["Assigned", "ClosePairs", "resolve"]
