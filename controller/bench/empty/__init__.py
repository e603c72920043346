"""Empty fields: what is followed though nothing is there, and whether weak targets still are."""

from .empty import DETECTORS, run
from .fields import KINDS

__all__ = ["DETECTORS", "KINDS", "run"]
