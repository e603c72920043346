"""What lies under the objective: objects that move, fluoresce, bleach and divide.

In: settings and time. Out: positions, sizes and brightness of the parts of all objects.
"""

from .bodies import WORM_ASPECT
from .division import Separations
from .settings import SpecimenSettings
from .specimen import Specimen

__all__ = ["WORM_ASPECT", "Separations", "Specimen", "SpecimenSettings"]
