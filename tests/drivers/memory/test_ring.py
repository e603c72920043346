"""Images cross processes whole or not at all, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pursuit.drivers.memory import RingReader, RingWriter, Slot

SHAPE = (64, 48)
BYTES = 64 * 48 * 2


def image(value: int) -> np.ndarray:
    return np.full(SHAPE, value, np.uint16)


def python(script: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_reads_are_private_copies_until_overwritten() -> None:
    with RingWriter(BYTES, 2) as writer, RingReader(writer.name) as reader:
        first = writer.write(image(1))
        copy = reader.read(first, SHAPE, np.uint16)
        second = writer.write(image(2)[:, ::-1])
        assert copy is not None and (copy == 1).all()
        third = writer.write(image(3))
        assert third.slot == first.slot
        assert reader.read(first, SHAPE, np.uint16) is None
        for slot, value in ((second, 2), (third, 3)):
            got = reader.read(slot, SHAPE, np.uint16)
            assert got is not None and (got == value).all()
        copy[:] = 9  # writable, and not the ring
        assert reader.read(second, SHAPE, np.uint16) is not None


def test_an_image_overwritten_during_the_copy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with RingWriter(BYTES, 1) as writer, RingReader(writer.name) as reader:
        slot = writer.write(image(1))
        copyto = np.copyto

        def interrupted(target: np.ndarray, source: np.ndarray) -> None:
            monkeypatch.undo()
            writer.write(image(2))
            copyto(target, source)

        monkeypatch.setattr(np, "copyto", interrupted)
        assert reader.read(slot, SHAPE, np.uint16) is None


def test_an_image_being_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with RingWriter(BYTES, 1) as writer, RingReader(writer.name) as reader:
        slot = writer.write(image(1))
        seen: list[np.ndarray | None] = []

        def half(target: np.ndarray, source: np.ndarray) -> None:
            target[:32] = source[:32]
            monkeypatch.undo()
            slots = (Slot(writer.name, 0, slot.sequence + later) for later in (0, 2))
            seen.extend(reader.read(guess, SHAPE, np.uint16) for guess in slots)

        monkeypatch.setattr(np, "copyto", half)
        writer.write(image(2))
        assert seen == [None, None]


def test_wrong_sizes_and_slots_say_what_is_wrong() -> None:
    with RingWriter(BYTES, 2) as writer, RingReader(writer.name) as reader:
        with pytest.raises(ValueError, match="create a ring for this image size"):
            writer.write(np.zeros((4, 4), np.uint16))
        slot = writer.write(image(1))
        with pytest.raises(ValueError, match="not in a slot"):
            reader.read(slot, SHAPE, np.uint8)
        for wrong in (Slot("other", 0, 2), Slot(writer.name, 2, 2), Slot(writer.name, -1, 2)):
            with pytest.raises(ValueError, match="not in the ring"):
                reader.read(wrong, SHAPE, np.uint16)
    for closed in (lambda: writer.write(image(1)), lambda: reader.read(slot, SHAPE, np.uint16)):
        with pytest.raises(ValueError, match="closed"):
            closed()
    writer.close()
    reader.close()
    with pytest.raises(ValueError, match="no image ring"):
        RingReader(writer.name)


def test_foreign_memory_is_not_a_ring() -> None:
    foreign = SharedMemory(create=True, size=8192)
    try:
        with pytest.raises(ValueError, match="not an image ring"):
            RingReader(foreign.name)
    finally:
        foreign.close()
        foreign.unlink()


READ_ONCE = """
import sys, msgspec, numpy as np
from pursuit.drivers.memory import RingReader, Slot
slot = msgspec.json.decode(sys.stdin.readline(), type=Slot)
reader = RingReader(slot.ring)
got = reader.read(slot, (64, 48), np.uint16)
print(got.min(), got.max())
"""


def test_a_reader_of_another_process_leaves_the_ring_alone() -> None:
    with RingWriter(BYTES, 2) as writer:
        slot = writer.write(image(7))
        for _ in range(2):  # the second finds what the first, which never closed, left
            out, err = python(READ_ONCE).communicate(msgspec.json.encode(slot).decode(), 30)
            assert (out.split(), err) == (["7", "7"], "")
    assert not Path("/dev/shm", writer.name).exists()


SHARED_TRACKER = """
import multiprocessing
from pursuit.drivers.memory import RingReader, RingWriter
if __name__ == "__main__":
    with RingWriter(4096, 2) as writer:
        child = multiprocessing.get_context("spawn").Process(target=RingReader, args=(writer.name,))
        child.start()
        child.join()
        print(child.exitcode, writer.name)
"""


def test_a_child_that_shares_the_resource_tracker_disturbs_nothing() -> None:
    out, err = python(SHARED_TRACKER).communicate(timeout=30)
    code, name = out.split()
    assert (code, err) == ("0", "")
    assert not Path("/dev/shm", name).exists()


FAST_WRITER = """
import sys, msgspec, numpy as np
from pursuit.drivers.memory import RingWriter
with RingWriter(512 * 512 * 2, 1) as ring:
    print(ring.name, flush=True)
    for i in range(1500):
        slot = ring.write(np.full((512, 512), i, np.uint16))
        print(msgspec.json.encode([i, slot]).decode(), flush=True)
    sys.stdin.readline()
"""


def test_whatever_is_accepted_from_a_fast_writer_is_whole() -> None:
    process = python(FAST_WRITER)
    assert process.stdout is not None
    reader = RingReader(process.stdout.readline().strip())
    accepted: list[int] = []
    for line in process.stdout:
        value, fields = json.loads(line)
        slot = msgspec.convert(fields, Slot)
        got = reader.read(slot, (512, 512), np.uint16)
        if got is not None:
            assert (got == value).all()
            accepted.append(value)
        if value == 1499:
            break
    assert accepted[-1] == 1499  # nobody overwrites the last
    reader.close()
    _, err = process.communicate("done\n", 30)
    assert (process.returncode, err) == (0, "")
    assert not Path("/dev/shm", reader.name).exists()
