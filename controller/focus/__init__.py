"""Focus: where the target lies along the optical axis, and where the focal plane goes.

In: windows of frames and predictions. Out: measurements of z, focal positions.
"""

from .focus import Focus
from .settings import FocusingSettings

__all__ = ["Focus", "FocusingSettings"]
