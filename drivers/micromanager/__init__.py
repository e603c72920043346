"""Micro-Manager hardware by pymmcore-plus.

In: a configuration file and what it does not say. Out: a `Microscope`.
"""

from __future__ import annotations

from .exposures import Exposure
from .loading import load_core
from .mmcore import MMCoreMicroscope
from .pixel_geometry import pixel_geometry
from .set_up import open_core

__all__ = ["Exposure", "MMCoreMicroscope", "load_core", "open_core", "pixel_geometry"]
