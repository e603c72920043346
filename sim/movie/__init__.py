"""A recorded movie in place of a specimen.

In: the frames of a recording, and a place in them. Out: fields of it.
"""

from .movie import Frames, Movie

__all__ = ["Frames", "Movie"]
