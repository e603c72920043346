"""Commands: one file each; what a person types goes in, a session, a table or a model comes out."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
