"""Follows what the user points at by its appearance.

In: an image and a place in the first one. Out: where it is now.
"""

from .correlation import peak_shift

__all__ = ["peak_shift"]
