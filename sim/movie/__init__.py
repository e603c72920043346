"""A recorded movie in place of a specimen.

In: a recording and a place in it. Out: fields of it.
"""

from __future__ import annotations

from .movie import Movie
from .recording import UM, MovieError, read_recording

__all__ = ["UM", "Movie", "MovieError", "read_recording"]
