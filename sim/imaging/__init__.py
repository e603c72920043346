"""Image formation: from a specimen through the objective to the camera.

In: a specimen and positions. Out: expected photoelectrons, frames.
"""

from .optics import PIXEL_VARIANCE, Optics, OpticsSettings, spread_variance_um2
from .sensor import Sensor, SensorSettings

__all__ = [
    "PIXEL_VARIANCE",
    "Optics",
    "OpticsSettings",
    "Sensor",
    "SensorSettings",
    "spread_variance_um2",
]
