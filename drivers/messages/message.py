"""What all messages have in common: the schema, the base class and the encoding."""

from __future__ import annotations

from typing import Any

import msgspec

SCHEMA = 6
"""Version of all messages on the wire; another version is refused with a reason.

To be raised whenever a message changes. 2: the true position of a simulated target is a report
instead of a field of the frame, frames say which acquisition they are of, controllers announce
their decisions. 3: the description carries all limits, and whether the affine is a calibration.
4: what the stage said is in the report that it was read. 5: which says, too, whether a hand moves
the stage; decisions say what keeps it from the target. 6: the answer to describe carries
the configuration.
"""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all messages: immutable, slotted, unknown fields refused."""


def pack(message: Any) -> bytes:
    """Encode a message as msgpack."""
    return _encoder.encode(message)


_encoder = msgspec.msgpack.Encoder()
