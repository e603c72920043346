"""sim.specimen."""

from __future__ import annotations

from .bodies import WORM_ASPECT
from .division import Partings
from .settings import SpecimenSettings
from .specimen import Specimen

__all__ = ["WORM_ASPECT", "Partings", "Specimen", "SpecimenSettings"]
