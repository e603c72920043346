"""sim.rendering."""

from __future__ import annotations

from .render import KINDS, Rendered, render

__all__ = ["KINDS", "Rendered", "render"]
