"""A bank of Kalman filters, compiled.

In: measurements of many objects. Out: their states by every hypothesis of motion, weighed.
"""

from .interval import NS_PER_S, IntervalEstimator
from .matrices import Hypothesis, Mode
from .object_filters import UNKNOWN_UM2, ObjectFilters, bounded_variances

__all__ = [
    "NS_PER_S",
    "UNKNOWN_UM2",
    "Hypothesis",
    "IntervalEstimator",
    "Mode",
    "ObjectFilters",
    "bounded_variances",
]
