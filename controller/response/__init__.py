"""Whether the picture answers to the stage as the calibration says.

In: detections and poses, frame by frame. Out: whether that is proven, and a sentence if it is
refuted.
"""

from .check import ResponseCheck, ResponseError
from .small_moves import FEWEST_FRAMES

__all__ = ["FEWEST_FRAMES", "ResponseCheck", "ResponseError"]
