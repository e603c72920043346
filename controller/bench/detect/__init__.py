"""Detection: rendered frames in, times of detectors and of the locked loop out."""

from .detect import run

__all__ = ["run"]
