"""A recording that is too large for its disk: what is kept, what is said, and when."""

from __future__ import annotations

import csv
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import tensorstore
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.controller.configuration import RecordingSettings
from pursuit.controller.decisions import Decision, Lock, TrackPoint
from pursuit.controller.session import Recorder
from pursuit.drivers.messages import Description, Dynamics, Frame, Image, StagePose

MS = 1_000_000
WIDTH, HEIGHT = 96, 64
DESCRIPTION = Description(
    *("test", "Camera", "XY", "", WIDTH, HEIGHT, "uint16", 0.5),
    affine=(0.5, 0.0, 0.0, 0.5),
    exposure_ms=5,
    interval_ms=10,
    dynamics=Dynamics(),
    limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
)
BYTES = 2 * WIDTH * HEIGHT


def frame(index: int, x_um: float = 0.0, acquisition: int = 0) -> Frame:
    """An image whose pixels are their column plus a hundred times their row."""
    at_ns = 7_000 * MS + index * 10 * MS
    image = np.add.outer(100 * np.arange(HEIGHT), np.arange(WIDTH)).astype(np.uint16)
    pose = StagePose(x_um, 0.0, 0.0, at_ns)
    return Frame(image, index, at_ns, at_ns, 5.0, pose, acquisition=acquisition)


def decision(index: int, at_um: tuple[float, float], *, seen: bool = True) -> Decision:
    where = (index, 0, (0.0, 0.0, 0.0), 1, Lock.LOCKED if seen else Lock.COASTING)
    track = TrackPoint(3, *at_um, 0.0, seen)
    return Decision(*where, target=3, seen_um=at_um if seen else None, tracks=(track,))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def planes(path: Path) -> np.ndarray:
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / "0")}}
    return tensorstore.open(spec, read=True).result().read().result()


class Disk:
    """A disk that writes a plane whenever it may."""

    def __init__(self) -> None:
        self.written, self._may = 0, threading.Semaphore(0)
        self.pending = 0

    def open(self, path: Path, description: Description) -> Disk:
        return self

    def append(self, frame: Image) -> None:
        self._may.acquire()
        self.written += 1

    def close(self, interval_s: float | None = None) -> None: ...

    def let(self, planes: int) -> None:
        self._may.release(planes)


@pytest.fixture
def disk() -> Iterator[Disk]:
    a_disk = Disk()
    yield a_disk
    a_disk.let(100_000)


def wait_until(condition: object) -> None:
    end_s = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end_s
        time.sleep(0.001)


def test_a_disk_that_is_too_slow_gets_evenly_spaced_frames(tmp_path: Path, disk: Disk) -> None:
    recorder = Recorder(tmp_path, DESCRIPTION, "", queue_bytes=10 * BYTES, open_stream=disk.open)
    for i in range(120):
        if i % 3 == 2:
            before = disk.written
            disk.let(1)
            wait_until(lambda before=before: disk.written > before)
            time.sleep(0.002)  # until the frame is counted as written
        recorder.frame(frame(i))
    assert not recorder.stopped
    (news,) = recorder.take_news()
    assert "cannot keep up" in news and "recording.keep=target" in news
    disk.let(1_000)
    summary = recorder.finish()
    kept = np.array([int(row["frame"]) for row in rows(tmp_path / "frames.csv")])
    late = kept[kept >= 60]
    assert set(np.diff(late)) <= {2, 4}
    assert (late % 2 == 0).all()
    assert summary["recorded"] == len(kept) == 120 - summary["recording_lost"]
    assert summary["faults"] == [news]
    assert recorder.take_news() == []


def test_after_a_pause_of_the_disk_all_frames_are_kept_again(tmp_path: Path, disk: Disk) -> None:
    recorder = Recorder(tmp_path, DESCRIPTION, "", queue_bytes=10 * BYTES, open_stream=disk.open)
    for i in range(20):
        recorder.frame(frame(i))
    disk.let(1_000)
    for i in range(20, 140):
        recorder.frame(frame(i))
        recorder.decision(decision(i, (0.0, 0.0)))
        time.sleep(0.001)
    recorder.finish()
    kept = [int(row["frame"]) for row in rows(tmp_path / "frames.csv")]
    assert kept[-50:] == list(range(90, 140))


def test_virtual_time_waits_for_the_disk(tmp_path: Path, disk: Disk) -> None:
    recorder = Recorder(
        tmp_path, DESCRIPTION, "", waits=True, queue_bytes=BYTES, open_stream=disk.open
    )
    let_go = threading.Timer(0.05, lambda: disk.let(100))
    let_go.start()
    for i in range(40):
        recorder.frame(frame(i))
    summary = recorder.finish()
    assert (summary["recorded"], summary["recording_lost"], summary["faults"]) == (40, 0, [])


def test_frames_that_were_overwritten_are_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, DESCRIPTION, "")
    for i in (0, 1, 5, 6, 9):
        recorder.frame(frame(i))
    summary = recorder.finish()
    assert recorder.take_news() == [recorder.fault] == summary["faults"]
    assert "overwritten" in recorder.fault and not recorder.stopped
    assert (summary["recorded"], summary["recording_lost"]) == (5, 5)


def keep_target(folder: Path, box_px: int = 16, **given: object) -> Recorder:
    wanted = RecordingSettings(keep="target", box_px=box_px, **given)  # type: ignore[arg-type]
    return Recorder(folder, DESCRIPTION, "", wanted)


def test_of_every_frame_the_box_around_the_target_is_kept(tmp_path: Path) -> None:
    with keep_target(tmp_path, field_every_s=0.1) as recorder:
        for i in range(35):
            recorder.frame(frame(i, x_um=float(i)))
            seen = i != 20
            recorder.decision(decision(i, (i + 5.0, -4.0), seen=seen))
    boxes, fields = planes(tmp_path / "target.ome.zarr"), planes(tmp_path / "frames.ome.zarr")
    assert boxes.shape == (35, 16, 16)
    table = rows(tmp_path / "target.csv")
    assert [int(row["frame"]) for row in table] == list(range(35))
    corners = np.array([[int(row["left_px"]), int(row["top_px"])] for row in table])
    assert corners[0].tolist() == [WIDTH // 2 - 8, HEIGHT // 2 - 8]
    # the stage has gone on by 1 µm, 2 px, since the target was seen 5 µm, 10 px, from the middle
    assert (corners[1:] == [WIDTH // 2 - 8 + 8, HEIGHT // 2 - 8 - 8]).all()
    assert (boxes[:, 0, 0] == corners @ [1, 100]).all()
    assert [int(row["frame"]) for row in rows(tmp_path / "frames.csv")] == [0, 10, 20, 30]
    assert fields.shape == (4, HEIGHT, WIDTH)
    assert (fields == frame(0).image).all()


@settings(max_examples=25, deadline=None)
@given(
    x=st.floats(-100, 100),
    y=st.floats(-100, 100),
    box=st.integers(16, 8192),
)
def test_the_box_lies_in_the_field_wherever_the_target_is(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, box: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    with keep_target(folder, box) as recorder:
        for i in range(2):
            recorder.frame(frame(i))
            recorder.decision(decision(i, (x, y)))
    assert recorder.fault == ""
    width, height = min(box, WIDTH), min(box, HEIGHT)
    assert planes(folder / "target.ome.zarr").shape == (2, height, width)
    row = rows(folder / "target.csv")[-1]
    assert 0 <= int(row["left_px"]) <= WIDTH - width
    assert 0 <= int(row["top_px"]) <= HEIGHT - height


def test_acquisitions_are_kept_whole(tmp_path: Path) -> None:
    with keep_target(tmp_path) as recorder:
        recorder.frame(frame(0))
        recorder.frame(frame(0, acquisition=1))
        recorder.frame(frame(1, acquisition=1))
    assert planes(tmp_path / "acquisition_001" / "frames.ome.zarr").shape == (2, HEIGHT, WIDTH)
    assert not (tmp_path / "acquisition_001" / "target.csv").exists()


class FillingDisk:
    """A disk of 10 GB on which each plane takes 10 MB."""

    def __init__(self) -> None:
        self.free, self.pending = 10_000_000_000, 0

    def open(self, path: Path, description: Description) -> FillingDisk:
        return self

    def append(self, frame: Image) -> None:
        self.free -= 10_000_000

    def close(self, interval_s: float | None = None) -> None: ...


def record_seconds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, frames: int, lasts_s: float | None
) -> tuple[Recorder, list[str]]:
    """Record a frame a second on such a disk; return what is said of it."""
    disk = FillingDisk()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)
    recorder = Recorder(folder, DESCRIPTION, "", seconds=lasts_s, open_stream=disk.open)
    for i in range(frames):
        recorder.frame(msgspec.structs.replace(frame(i), exposed_ns=i * 1_000 * MS))
    assert recorder.finish()["recorded"] == frames
    return recorder, recorder.take_news()


def test_a_full_disk_is_foretold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, (first, second) = record_seconds(tmp_path, monkeypatch, 950, None)
    assert not recorder.fault
    assert "will be full in about 10 minutes" in first
    assert "will be full in about 117 s" in second
    told = (tmp_path / "faults.txt").read_text("utf-8").splitlines()
    assert told == [first, second]


@pytest.mark.parametrize(("lasts_s", "warnings"), [(950.0, 0), (3_000.0, 1)])
def test_what_lasts_to_the_end_is_not_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasts_s: float, warnings: int
) -> None:
    assert len(record_seconds(tmp_path, monkeypatch, 500, lasts_s)[1]) == warnings


def test_it_is_said_what_a_recording_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=8_000_000_000))
    big = msgspec.structs.replace(DESCRIPTION, width_px=2048, height_px=2048)
    tiny = msgspec.structs.replace(big, interval_ms=0.01)
    box = RecordingSettings(keep="target", box_px=200, field_every_s=2.0)
    for name, about, wanted, seconds in (
        ("small", DESCRIPTION, RecordingSettings(), None),
        ("fast", tiny, RecordingSettings(), None),
        ("box", big, box, 60.0),
        ("long", DESCRIPTION, RecordingSettings(), 1e5),
    ):
        with Recorder(tmp_path / name, about, "", wanted, seconds) as recorder:
            said = recorder.forecast()
        if name == "small":
            assert len(said) == 1 and "1.23 MB/s at most" in said[0] and "108 minutes" in said[0]
        elif name == "fast":
            assert "838861 MB/s" in said[0]
            assert "measured" in said[0] and "too slow" in said[1] and "keep=" in said[1]
        elif name == "box":
            assert "12.2 MB/s at most" in said[0] and len(said) == 1
        else:
            assert "may need 123 GB and 7.93 GB are free" in said[1]
        left = {path.name for path in (tmp_path / name).iterdir()}
        assert not any(entry.startswith(".speed") for entry in left)


def test_of_a_disk_that_is_waited_for_the_speed_does_not_matter(tmp_path: Path) -> None:
    fast = msgspec.structs.replace(DESCRIPTION, interval_ms=0.01)
    with Recorder(tmp_path, fast, "", waits=True) as recorder:
        said = " ".join(recorder.forecast())
    assert "MB/s at most" in said and "measured" not in said and "left out" not in said
