"""sim.movie."""

from __future__ import annotations

from .movie import Movie
from .recording import UM, MovieError, read_recording

__all__ = ["UM", "Movie", "MovieError", "read_recording"]
