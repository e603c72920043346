"""models.training.defocus."""

from __future__ import annotations

from .train import make

__all__ = ["make"]
