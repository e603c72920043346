"""The simulated microscope.

In: a scenario and a seed. Out: Micro-Manager devices, or a `Microscope` in virtual time.
"""

from __future__ import annotations

from .devices import VELOCITIES, XY_STAGE, load_simulator
from .lockstep import LockstepMicroscope
from .microscope import SimulatedMicroscope
from .scenario import Scenario, SimCameraSettings, load_scenario
from .world import RenderedScene, World

__all__ = [
    "VELOCITIES",
    "XY_STAGE",
    "LockstepMicroscope",
    "RenderedScene",
    "Scenario",
    "SimCameraSettings",
    "SimulatedMicroscope",
    "World",
    "load_scenario",
    "load_simulator",
]
