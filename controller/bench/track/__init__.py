"""Linking in recorded movies, beside other linkers on the same detections.

In: folders with movies and tracks, or movies alone. Out: how well objects keep their names.
"""

from .track import run

__all__ = ["run"]
