"""The header of a frame on the wire."""

from __future__ import annotations

import msgspec
import numpy as np

from ..memory import Slot
from ..messages import SCHEMA, Frame, Message, StagePose


class FrameHeader(Message, frozen=True):
    """All of a `Frame` but its pixels, and where those are.

    Attributes
    ----------
    schema : int
    stream : int
        Number of the stream or acquisition, counted by the server; greater than all before it.
    shape : (H, W)
    dtype : str
    slot : Slot or None
        The image in the shared-memory ring; None if the next message part holds the pixels.
    """

    schema: int
    stream: int
    index: int
    exposed_ns: int
    readable_ns: int
    exposure_ms: float
    pose: StagePose
    channel: str
    acquisition: int
    shape: tuple[int, int]
    dtype: str
    slot: Slot | None

    @classmethod
    def of(cls, frame: Frame, slot: Slot | None, stream: int) -> FrameHeader:
        """Return the header of a frame."""
        height, width = frame.image.shape
        return cls(
            SCHEMA,
            stream,
            frame.index,
            frame.exposed_ns,
            frame.readable_ns,
            frame.exposure_ms,
            frame.pose,
            frame.channel,
            frame.acquisition,
            (height, width),
            frame.image.dtype.name,
            slot,
        )

    def frame(self, image: np.ndarray, offset_ns: int, arrived_ns: int) -> Frame:
        """Return the frame, its times moved to the local clock by ``offset_ns``."""
        pose = self.pose
        if offset_ns:
            pose = msgspec.structs.replace(pose, at_ns=pose.at_ns + offset_ns)
        return Frame(
            image,
            self.index,
            self.exposed_ns + offset_ns,
            self.readable_ns + offset_ns,
            self.exposure_ms,
            pose,
            self.channel,
            self.acquisition,
            arrived_ns,
        )
