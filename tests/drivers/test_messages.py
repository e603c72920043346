"""Only whole, known messages pass; whatever else comes over the wire is refused in a sentence."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pursuit.drivers.memory import Slot
from pursuit.drivers.messages import (
    SCHEMA,
    Dynamics,
    Fault,
    Frame,
    Issued,
    Message,
    Move,
    PoseRead,
    Report,
    StagePose,
    Truth,
    pack,
)
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.wire import unpack
from pursuit.drivers.wire.decoding import unpack_report
from pursuit.drivers.wire.frame_header import FrameHeader
from pursuit.drivers.wire.protocol import (
    About,
    Acquire,
    Arm,
    Describe,
    End,
    Halt,
    Lease,
    MoveCommand,
    Now,
    Reply,
    Request,
    Stream,
)

POSE = StagePose(1.0, 2.0, 3.0, 4, 0.5)
MOVE = Move(1.0, None, -2.5, 10, 3)
DRIVE = Move(None, None, -2.5, 10, 3, (20.0, -0.5))
KINDS = (Request, Reply, About, FrameHeader, End, Move, Slot)
commands = st.sampled_from(
    [
        Describe(),
        Lease(),
        MoveCommand(MOVE),
        MoveCommand(DRIVE),
        Halt(),
        Arm(),
        Stream(True),
        Acquire('{"channels": []}'),
    ]
)
reports = st.sampled_from(
    [Issued(1, 2, 3, 4, None, 5.0, None), Fault(1, "x"), PoseRead(POSE), Truth(1, 2.0, 3.0, 4.0)]
)
trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def unpacks_or_refuses(data: bytes) -> None:
    for kind in KINDS:
        try:
            assert isinstance(unpack(kind, data), kind)
        except MicroscopeError as error:
            assert len(str(error).splitlines()) == 1
    with suppress(MicroscopeError):
        unpack_report(data)


@given(commands, st.integers(0, 2**63 - 1), st.text())
def test_a_request_comes_out_as_it_went_in(command: Any, number: int, lease: str) -> None:
    request = Request(SCHEMA, number, lease, command)
    assert unpack(Request, pack(request)) == request


@given(reports)
def test_a_report_comes_out_as_it_went_in(report: Report) -> None:
    assert unpack_report(pack(report)) == report


@given(st.binary())
@example(b"\x81\xa1\n\x01")
@example(b"\xa1\xff")
@example(b"\x91" * 5_000)
@example(b"\x81\xa4type\xa4\xff\xff\xff\xff")
def test_wild_bytes_are_refused(data: bytes) -> None:
    unpacks_or_refuses(data)


@given(trees)
def test_wild_values_are_refused(value: object) -> None:
    unpacks_or_refuses(msgspec.msgpack.encode(value))


@given(st.data())
def test_a_damaged_message_is_refused_or_still_a_message(data: st.DataObject) -> None:
    message = bytearray(pack(Request(SCHEMA, 7, "me", data.draw(commands))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at] = data.draw(st.integers(0, 255))
    unpacks_or_refuses(bytes(message[: data.draw(st.integers(0, len(message)))]))
    unpacks_or_refuses(bytes(message))


@pytest.mark.parametrize("message", [MOVE, Request(SCHEMA, 1, "me", Now()), End(SCHEMA, 1, "")])
def test_an_unknown_or_missing_field_is_refused_by_name(message: Message) -> None:
    fields = msgspec.to_builtins(message)
    with pytest.raises(MicroscopeError, match="colour"):
        unpack(type(message), msgspec.msgpack.encode({**fields, "colour": 1}))
    missing = next(name for name in message.__struct_fields__)
    fields.pop(missing)
    with pytest.raises(MicroscopeError, match=missing):
        unpack(type(message), msgspec.msgpack.encode(fields))


def test_a_move_with_a_position_and_a_velocity_is_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        Move(1.0, None, None, 10, 3, (1.0, 1.0))
    fields = {**msgspec.to_builtins(DRIVE), "y_um": 3.0}
    with pytest.raises(MicroscopeError, match="not both"):
        unpack(Move, msgspec.msgpack.encode(fields))


def test_an_unknown_command_is_refused_by_name() -> None:
    request = {"schema": SCHEMA, "id": 1, "lease": "me", "command": {"type": "explode"}}
    with pytest.raises(MicroscopeError, match="explode"):
        unpack(Request, msgspec.msgpack.encode(request))


def test_a_header_and_its_pixels_make_the_frame_again() -> None:
    image = np.arange(12, dtype=np.uint16).reshape(3, 4)
    frame = Frame(image, 5, 100, 200, 1.5, POSE, "DAPI", 3)
    header = unpack(FrameHeader, pack(FrameHeader.of(frame, Slot("ring", 1, 2), 9)))
    assert (header.schema, header.stream, header.shape, header.dtype) == (
        SCHEMA,
        9,
        (3, 4),
        "uint16",
    )
    again = header.frame(image, offset_ns=1_000, arrived_ns=7)
    assert (again.exposed_ns, again.readable_ns, again.pose.at_ns) == (1_100, 1_200, 1_004)
    assert (again.index, again.channel, again.acquisition) == (5, "DAPI", 3)
    assert again.arrived_ns == 7


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4), np.int16),
        np.zeros((4, 4), bool),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros(16, np.uint8),
    ],
)
def test_a_frame_is_one_channel_of_8_or_16_bit(image: Any) -> None:
    with pytest.raises(ValueError, match="uint8 or uint16"):
        Frame(image, 0, 0, 1, 1.0, POSE)


@pytest.mark.parametrize(
    "fields",
    [
        {"speed_um_s": 0.0},
        {"speed_um_s": math.inf},
        {"acceleration_um_s2": -1.0},
        {"delay_ms": -1.0},
        {"settle_ms": math.nan},
    ],
)
def test_impossible_dynamics_are_refused_here_and_on_the_wire(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        Dynamics(**fields)
    with pytest.raises(MicroscopeError, match=next(iter(fields))):
        unpack(Dynamics, msgspec.msgpack.encode(fields))
