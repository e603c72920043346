"""Rendered frames to train a detector on, with exact truth.

In: a kind of object and a seed. Out: rendered frames and the boxes in them.
"""

from .canvas import log_uniform
from .render import KINDS, Rendered, render

__all__ = ["KINDS", "Rendered", "log_uniform", "render"]
