"""Every topic on the wire: who publishes it, how often, how much may wait, when it is stale."""

from __future__ import annotations

from dataclasses import dataclass

from ..clock import NS_PER_MS


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
    """

    name: str
    publisher: str
    rate_hz: float
    queue: int
    stale_ns: int


# Rates are those of the fastest camera in use, 1000 frames/s, with a move and a renewal of the
# lease for each; queues hold two seconds of frames and ten of small messages.
FRAMES = Topic("frames", "microscope", 1_000, 2_000, 1_000 * NS_PER_MS)
TELEMETRY = Topic("telemetry", "microscope", 1_000, 10_000, 2_000 * NS_PER_MS)
COMMANDS = Topic("commands", "microscope", 2_000, 1_000, 1_000 * NS_PER_MS)
DECISIONS = Topic("decisions", "controller", 1_000, 10_000, 0)

LEASE_NS = 2_000 * NS_PER_MS
"""How long a controller that says nothing keeps the right to move the stage; chosen: shorter than
a person takes to notice, longer than a busy host stalls."""

HEARTBEAT_NS = 400 * NS_PER_MS
"""How often a controller renews its lease; chosen: four renewals may be lost."""
