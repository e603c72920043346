"""A client that was written from docs/protocol.md alone: ZeroMQ, msgpack and a memory map."""

from __future__ import annotations

import mmap
import struct
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from pursuit.controller.session.processes import Child  # only to start the microscope

SCENARIO = Path(__file__).parents[2] / "contract" / "stand.toml"
PATIENCE_MS = 30_000
PATIENCE = 600
"""Messages within which a client has seen whatever it waits for."""
NEVER = 2**62
POSE = {"x_um", "y_um", "z_um", "at_ns", "sigma_um"}
HEADER = {
    *("schema", "stream", "index", "exposed_ns", "readable_ns", "exposure_ms"),
    *("pose", "channel", "acquisition", "shape", "dtype", "slot"),
}
DESCRIPTION = {
    *("name", "camera", "xy_stage", "focus", "width_px", "height_px", "dtype", "pixel_um"),
    *("affine", "exposure_ms", "interval_ms", "dynamics", "limits_um", "channels"),
    *("takes_velocity", "restrictions", "uncalibrated"),
}
RESTRICTIONS = {
    *("inside", "keep_out", "step_um", "focus_step_um", "speed_um_s", "acceleration_um_s2"),
    *("return_inside", "facility", "names"),
}


class Client:
    """What the page tells to do, and nothing else."""

    def __init__(self, port: int) -> None:
        self._context = zmq.Context()
        self._commands = self._context.socket(zmq.DEALER)
        self._commands.connect(f"tcp://127.0.0.1:{port}")
        self._id = self._heard = 0
        self.about: dict[str, Any] = self.ask({"type": "describe"})["about"]

    def ask(self, command: dict[str, Any], lease: str = "page") -> dict[str, Any]:
        self._id += 1
        request = {"schema": 6, "id": self._id, "lease": lease, "command": command}
        self._commands.send(msgspec.msgpack.encode(request))
        reply = self.decoded(self._commands)
        assert set(reply) == {"schema", "id", "error", "about", "now_ns", "stream"}
        assert (reply["schema"], reply["id"]) == (6, self._id)
        return reply

    def begin(self, command: dict[str, Any]) -> int:
        """Return the number of the stream or acquisition that a command began."""
        reply = self.ask(command)
        assert reply["error"] == ""
        return reply["stream"]

    def stop(self, message: bytes) -> bytes:
        socket = self._context.socket(zmq.REQ)
        socket.connect(f"tcp://127.0.0.1:{self.about['stop_port']}")
        socket.send(message)
        (answer,) = self.parts(socket)
        return answer

    def listen(self, topic: str, *prefixes: bytes) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.SUB)
        socket.connect(f"tcp://127.0.0.1:{self.about[topic]}")
        for prefix in prefixes:
            socket.subscribe(prefix)
        return socket

    def parts(self, socket: zmq.Socket[bytes]) -> list[bytes]:
        self._heard += 1
        assert self._heard < PATIENCE and socket.poll(PATIENCE_MS), "it does not come"
        return socket.recv_multipart()

    def decoded(self, socket: zmq.Socket[bytes]) -> dict[str, Any]:
        (data,) = self.parts(socket)
        return msgspec.msgpack.decode(data)

    def end(self, frames: zmq.Socket[bytes], own: int) -> dict[str, Any]:
        """Wait for an end that is not to be ignored."""
        while True:
            kind, *parts = self.parts(frames)
            if kind == b"E" and (end := msgspec.msgpack.decode(parts[0]))["stream"] >= own:
                return end

    def close(self) -> None:
        self._context.destroy(linger=0)


class Ring:
    """A reader of the shared memory, by the table of bytes."""

    def __init__(self, name: str) -> None:
        with Path("/dev/shm", name).open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, self.image_bytes, self.slots = struct.unpack_from("=8sQQ", self._bytes)
        assert magic == b"pursuit2"

    def newest(self) -> int:
        return self._counter(32)

    def read(self, sequence: int) -> tuple[dict[str, Any], bytes] | None:
        slot = (sequence // 2 - 1) % self.slots
        if self._counter(64 * (slot + 1)) != sequence:
            return None
        at = up(64 * (self.slots + 1)) + slot * (4096 + up(self.image_bytes))
        (length,) = struct.unpack_from("=I", self._bytes, at)
        header = self._bytes[at + 4 : at + 4 + min(length, 4092)]
        pixels = self._bytes[at + 4096 : at + 4096 + self.image_bytes]
        if self._counter(64 * (slot + 1)) != sequence:
            return None
        return msgspec.msgpack.decode(header), pixels

    def _counter(self, at: int) -> int:
        return memoryview(self._bytes)[at : at + 8].cast("Q")[0]


def up(size: int) -> int:
    return -(-size // 4096) * 4096


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = Child("microscope", ["microscope", "--scenario", str(SCENARIO)])
    yield server.ready["port"]
    server.end()


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    with closing(Client(port)) as client:
        yield client


def test_what_describe_tells(client: Client) -> None:
    about, description = client.about, client.about["description"]
    assert set(about) == {
        "description",
        "frames_port",
        "telemetry_port",
        "stop_port",
        "ring",
        "streaming",
        "decisions",
        "stopped",
        "settings",
    }
    assert set(description) == DESCRIPTION
    assert set(description["dynamics"]) == {
        *("delay_ms", "speed_um_s", "acceleration_um_s2", "settle_ms", "backlash_um"),
        *("ring_hz", "ring_damping"),
    }
    assert len(description["affine"]) == 4
    assert [len(limits) for limits in description["limits_um"]] == [2, 2, 2]
    assert set(description["restrictions"]) == RESTRICTIONS
    assert about["streaming"] is False
    assert client.ask({"type": "now"}, lease="")["now_ns"] > 0


def test_a_stream_from_the_lease_to_the_release(client: Client) -> None:
    description = client.about["description"]
    frames = client.listen("frames_port", b"E", b"P", b"B")
    assert client.parts(frames) == [b"B"]
    assert client.ask({"type": "lease"})["error"] == ""
    assert "holds" in client.ask({"type": "lease"}, lease="other")["error"]
    own = client.begin({"type": "stream", "on": True})
    indices = []
    while len(indices) < 3:
        kind, *parts = client.parts(frames)
        if kind == b"P" and (header := msgspec.msgpack.decode(parts[0]))["stream"] >= own:
            assert (set(header), set(header["pose"])) == (HEADER, POSE)
            assert (header["schema"], header["stream"], header["slot"]) == (6, own, None)
            assert header["shape"] == [description["height_px"], description["width_px"]]
            assert len(parts[1]) == 2 * header["shape"][0] * header["shape"][1]
            indices.append(header["index"])
    assert indices == [0, 1, 2]
    assert "busy" in client.ask({"type": "stream", "on": True})["error"]
    assert client.ask({"type": "release"})["error"] == ""
    assert client.end(frames, own) == {"schema": 6, "stream": own, "error": ""}
    assert client.ask({"type": "lease"}, lease="other")["error"] == ""
    assert client.ask({"type": "release"}, lease="other")["stream"] == own


def test_moves_and_what_is_told_of_them(client: Client) -> None:
    telemetry = client.listen("telemetry_port", b"")
    assert client.decoded(telemetry)["type"] == "pose"  # the subscription is in force
    expires_ns = client.ask({"type": "now"})["now_ns"] + 10**10
    move = {"x_um": 5.0, "y_um": None, "z_um": -1, "expires_ns": expires_ns, "frame": 7}
    assert client.ask({"type": "move", "move": move})["error"] == ""
    while (told := client.decoded(telemetry))["type"] != "issued":
        assert (set(told), set(told["pose"])) == ({"type", "pose", "drive_um"}, POSE)
    assert (told["frame"], told["x_um"], told["y_um"], told["z_um"]) == (7, 5.0, None, -1.0)
    assert 0 < told["received_ns"] <= told["issued_ns"]
    assert told["exposed_ns"] == 0
    while told["type"] != "pose" or abs(told["pose"]["x_um"] - 5.0) > 0.1:
        told = client.decoded(telemetry)
    move = {**move, "x_um": float("nan"), "expires_ns": NEVER}
    assert "finite" in client.ask({"type": "move", "move": move})["error"]
    assert client.ask({"type": "halt"})["error"] == ""
    assert client.ask({"type": "release"})["error"] == ""


def test_a_message_on_the_stop_port_stops_whoever_commands(client: Client) -> None:
    frames = client.listen("frames_port", b"E", b"B")
    assert client.parts(frames) == [b"B"]
    own = client.begin({"type": "stream", "on": True})
    assert client.stop(b"a leak") == b"OK"
    assert "a leak" in client.end(frames, own)["error"]
    for command in ({"type": "lease"}, {"type": "stream", "on": True}):
        assert "a leak" in client.ask(command, lease="other")["error"]
    assert "a leak" in client.ask({"type": "describe"})["about"]["stopped"]
    assert client.ask({"type": "arm"}, lease="")["error"] == ""
    assert client.ask({"type": "describe"})["about"]["stopped"] == ""
    assert client.ask({"type": "lease"})["error"] == ""
    assert client.ask({"type": "release"})["error"] == ""


def test_an_acquisition_says_that_it_is_complete_or_why_not(client: Client) -> None:
    frames = client.listen("frames_port", b"E", b"R", b"B")
    assert client.parts(frames) == [b"B"]
    plan = msgspec.json.encode({"stage_positions": [{"x": 0, "y": 0}, {"x": 5, "z": 1}]}).decode()
    own = client.begin({"type": "acquire", "sequence": plan})
    assert client.end(frames, own)["error"] == ""
    far = msgspec.json.encode({"stage_positions": [{"x": 1e9}]}).decode()
    own = client.begin({"type": "acquire", "sequence": far})
    assert "outside the limits" in client.end(frames, own)["error"]
    assert client.ask({"type": "release"})["error"] == ""


@pytest.mark.skipif(sys.platform != "linux", reason="maps /dev/shm")
def test_the_ring_holds_what_the_wire_brings(client: Client) -> None:
    ring = Ring(client.about["ring"])
    frames = client.listen("frames_port", b"E", b"P", b"R", b"B")
    assert client.parts(frames) == [b"B"]
    own = client.begin({"type": "stream", "on": True})
    slots: dict[int, dict[str, Any]] = {}
    compared = 0
    while compared < 3:
        kind, data, *pixels = client.parts(frames)
        header = msgspec.msgpack.decode(data)
        if kind == b"R":
            slots[header["index"]] = header["slot"]
            assert set(header["slot"]) == {"ring", "slot", "sequence"}
            continue
        slot = slots[header["index"]]
        sequence = slot["sequence"]
        assert slot["slot"] == (sequence // 2 - 1) % ring.slots
        if (found := ring.read(sequence)) is not None:
            assert (slot["ring"], *found) == (client.about["ring"], header, *pixels)
            compared += 1
    seen, found = ring.newest(), None
    while (newest := ring.newest()) <= seen or (found := ring.read(newest)) is None:
        client.parts(frames)
    assert (found[0]["stream"], newest % 2) == (own, 0)
    assert ring.read(newest + 2 * ring.slots) is None
    assert client.ask({"type": "stream", "on": False})["error"] == ""
    assert client.end(frames, own)["error"] == ""
    assert client.ask({"type": "release"})["error"] == ""
