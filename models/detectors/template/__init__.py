"""Follows what the user points at by its appearance.

In: an image and a place in the first one. Out: where it is now.
"""

from .correlation import peak_shift
from .first_look import is_object
from .template import Template, TemplateOptions

__all__ = ["Template", "TemplateOptions", "is_object", "peak_shift"]
