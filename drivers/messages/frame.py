"""A frame: the pixels of one exposure, and where the stage was meanwhile."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from .message import Message

Image = NDArray[np.uint8] | NDArray[np.uint16]
"""A camera image: (H, W), uint8 or uint16."""


class StagePose(Message, frozen=True):
    """Where the stage was at one instant.

    Attributes
    ----------
    x_um, y_um, z_um : float
        Stage coordinates in µm; z is the focus drive.
    at_ns : int
        The instant, on the clock of the microscope's host.
    sigma_um : float
        Standard deviation of x and y according to the pose model.
    """

    x_um: float
    y_um: float
    z_um: float
    at_ns: int
    sigma_um: float = 0.0


class Frame(msgspec.Struct, frozen=True):
    """One exposure and all that is known about it.

    Attributes
    ----------
    image : (H, W) uint8 or uint16
        Pixels, row 0 at the top.
    index : int
        Counts the exposures of a stream or an acquisition, from 0; a stream that resumes goes
        on counting.
    exposed_ns : int
        Middle of the exposure.
    readable_ns : int
        When the pixels had arrived in the memory of the microscope's host.
    exposure_ms : float
        Length of the exposure.
    pose : StagePose
        Stage pose in the mean over the exposure.
    channel : str
        Preset of the channel in an acquisition, and of several cameras behind one the name of the
        camera after it; empty if there is only one.
    acquisition : int
        Number of the acquisition that the frame belongs to, counted by the microscope from 1;
        0 for a frame of a stream.
    arrived_ns : int
        When this process learned of the frame; 0 if the microscope runs in this process.
    """

    image: Image
    index: int
    exposed_ns: int
    readable_ns: int
    exposure_ms: float
    pose: StagePose
    channel: str = ""
    acquisition: int = 0
    arrived_ns: int = 0

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or self.image.dtype not in (np.uint8, np.uint16):
            raise ValueError(
                "a frame needs one channel of uint8 or uint16, "
                f"got {self.image.dtype} of shape {self.image.shape}"
            )
