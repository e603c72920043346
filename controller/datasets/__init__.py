"""What models learn from, made by the simulator or from the user's own recordings.

In: seeds, stacks. Out: annotated frames, tracks, windows of known defocus.
"""

from .defocus_stacks import StackSettings, calibrate
from .rendered_defocus import MOST_DEFOCUS, rendered_windows
from .rendered_frames import rendered_dataset
from .simulated_tracks import FRAMES, NOT_TRAINED_ON, simulate_tracks, walked

__all__ = [
    "FRAMES",
    "MOST_DEFOCUS",
    "NOT_TRAINED_ON",
    "StackSettings",
    "calibrate",
    "rendered_dataset",
    "rendered_windows",
    "simulate_tracks",
    "walked",
]
