"""The simulator as Micro-Manager devices, for any program that uses pymmcore-plus.

In: a world. Out: a loaded core with camera, XY stage, focus drive and light source.
"""

from .camera import TRUTH_TAG
from .loading import load_simulator
from .stages import VELOCITIES
from .world_time import CAMERA, XY_STAGE

__all__ = ["CAMERA", "TRUTH_TAG", "VELOCITIES", "XY_STAGE", "load_simulator"]
