"""Whether the picture answers to the stage as the calibration says.

In: detections and poses, frame by frame. Out: whether that is proven, and a sentence if it is
refuted.
"""

from .check import ResponseCheck, ResponseError

__all__ = ["ResponseCheck", "ResponseError"]
