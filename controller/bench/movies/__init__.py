"""Following on recorded movies: each annotated object is pointed at once, and followed.

In: folders with movies and tracks. Out: how many are still followed at the end, and why not.
"""

from .movies import DETECTORS, POINTS, POLICIES, SIZES, run
from .sessions import movies_of

__all__ = ["DETECTORS", "POINTS", "POLICIES", "SIZES", "movies_of", "run"]
