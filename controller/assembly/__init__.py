"""From a configuration to the parts of a session.

In: a `Config`, or the tables of one. Out: a microscope, and a loop around it.
"""

from .loop import (
    check_diameter,
    detector_table,
    make_detector,
    make_focus,
    make_loop,
    make_policy,
    make_predictor,
)
from .microscope import Simulation, complete, open_lockstep, open_microscope
from .movie import suggested_for_movie

__all__ = [
    "Simulation",
    "check_diameter",
    "complete",
    "detector_table",
    "make_detector",
    "make_focus",
    "make_loop",
    "make_policy",
    "make_predictor",
    "open_lockstep",
    "open_microscope",
    "suggested_for_movie",
]
