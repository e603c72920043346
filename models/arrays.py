"""Types of arrays that many modules name."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8] | NDArray[np.uint16]
"""What a camera gives, (H, W)."""
FloatImage = NDArray[np.float32]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]
