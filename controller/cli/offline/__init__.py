"""Commands that need no microscope, only files: ``pursuit detect``, ``track``, ``eval`` and others.

In: images, movies, models. Out: tables, pictures, numbers, exported models.
"""

from .detect import detect
from .evaluate import evaluate
from .export import export
from .linkers import linker_of
from .models import models
from .track import given_tables, track

__all__ = ["detect", "evaluate", "export", "given_tables", "linker_of", "models", "track"]
