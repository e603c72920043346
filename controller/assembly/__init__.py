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
    preload,
)
from .microscope import DEFAULT_SCENARIO, Simulation, complete, open_lockstep, open_microscope
from .movie import suggested_for_movie
from .remote import complete_for_remote

__all__ = [
    "DEFAULT_SCENARIO",
    "Simulation",
    "check_diameter",
    "complete",
    "complete_for_remote",
    "detector_table",
    "make_detector",
    "make_focus",
    "make_loop",
    "make_policy",
    "make_predictor",
    "open_lockstep",
    "open_microscope",
    "preload",
    "suggested_for_movie",
]
