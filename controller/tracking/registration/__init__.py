"""Registration: followed objects are found again by their own images.

In: frames, followed tracks. Out: places, as measurements beside those of the detector.
"""

from .registered import Registered
from .registration import Registration

__all__ = ["Registered", "Registration"]
