"""What lies under the objective: bodies that move, glow, bleach and divide.

In: settings and time. Out: where light comes from.
"""

from __future__ import annotations

from .bodies import WORM_ASPECT
from .division import Partings
from .settings import SpecimenSettings
from .specimen import Specimen

__all__ = ["WORM_ASPECT", "Partings", "Specimen", "SpecimenSettings"]
