"""Every topic on the wire: who publishes it, how often, how much may wait, when it is stale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..clock import NS_PER_MS
from ..messages import Description


@dataclass(frozen=True, slots=True)
class Topic:
    """One stream of messages.

    Attributes
    ----------
    name : str
    publisher : str
        The process that binds the socket.
    rate_hz : float
        The most messages a second that it is meant for.
    queue : int
        High-water mark: how many messages may wait on either side before new ones are dropped.
    stale_ns : int
        Past this age a listener should not act on a message; 0 if it never grows stale. Only
        moves enforce an age, each its own, as `Move.expires_ns`.
    most_bytes : int
        Of a message that comes to the publisher: whoever sends a larger one is disconnected.
    """

    name: str
    publisher: str
    rate_hz: float
    queue: int
    stale_ns: int
    most_bytes: int


# Rates are those of the fastest camera in use, 1000 frames/s, with a move and a renewal of the
# lease for each; queues hold two seconds of frames and ten of small messages. Of what comes in, a
# command is no larger than the plan of a long acquisition, a stop than a line of text, and a
# subscription than a few bytes.
FRAMES = Topic("frames", "microscope", 1_000, 2_000, 1_000 * NS_PER_MS, 64)
TELEMETRY = Topic("telemetry", "microscope", 1_000, 10_000, 2_000 * NS_PER_MS, 64)
COMMANDS = Topic("commands", "microscope", 2_000, 1_000, 1_000 * NS_PER_MS, 1 << 20)
STOP = Topic("stop", "microscope", 10, 100, 0, 1 << 10)
DECISIONS = Topic("decisions", "controller", 1_000, 10_000, 0, 64)

_QUEUED_BYTES = 256 * 1024 * 1024
"""Of images that may wait for one listener; chosen: a second of 512 x 512 at 500 frames/s, and
little of any host's memory."""


def for_frames_of(about: Description) -> Topic:
    """Return the topic of frames, with a queue that holds a bounded number of bytes."""
    frame_bytes = about.width_px * about.height_px * np.dtype(about.dtype).itemsize
    return replace(FRAMES, queue=min(max(_QUEUED_BYTES // frame_bytes, 2), FRAMES.queue))


LEASE_NS = 2_000 * NS_PER_MS
"""How long a controller that says nothing keeps the right to move the stage; chosen: shorter than
a person takes to notice, longer than a busy host stalls."""

SILENCE_NS = 200 * NS_PER_MS
"""How long the stage goes on after a controller was last heard of, or its loop has last turned;
chosen: a stage of 5 mm/s goes a millimetre."""

HANG_NS = 10_000 * NS_PER_MS
"""How long a loop may not turn until its controller loses the lease; chosen: the slowest first
look at a large field on a busy computer takes some seconds."""

HEARTBEAT_NS = 50 * NS_PER_MS
"""How often a controller renews its lease; chosen: three renewals may be lost before the stage is
halted."""
