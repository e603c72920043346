"""Pixels on the disk: every plane is there, in few files, whatever its size and type."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import tensorstore
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pursuit.controller.session import ZarrStream
from pursuit.drivers.messages import Description, Dynamics
from pursuit.models.images import open_recording

DESCRIPTION = Description(
    *("test", "Camera", "XY", "", 24, 16, "uint16", 0.5),
    affine=(0.5, 0.0, 0.0, 0.5),
    exposure_ms=5,
    interval_ms=10,
    dynamics=Dynamics(),
    limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
)


def read(path: Path) -> np.ndarray:
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / "0")}}
    return tensorstore.open(spec, read=True).result().read().result()


def length(path: Path) -> int:
    return json.loads((path / "0" / "zarr.json").read_text())["shape"][0]


@settings(max_examples=20, deadline=None)
@given(
    dtype=st.sampled_from(["uint8", "uint16"]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    planes=st.integers(0, 1200),
)
def test_what_was_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, height: int, width: int, planes: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "frames.ome.zarr"
    about = replace(DESCRIPTION, dtype=dtype, height_px=height, width_px=width)
    rng = np.random.default_rng(planes)
    images = rng.integers(0, 200, (planes, height, width)).astype(dtype)
    stream = ZarrStream(path, about)
    for image in images:
        stream.append(image)
    stream.close()
    assert stream.pending == 0
    assert np.array_equal(read(path), images)
    assert sum(1 for each in path.rglob("*") if each.is_file()) <= 2 + planes // 500 + 1


def test_it_is_an_ome_zarr_with_the_interval_that_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "frames.ome.zarr"
    stream = ZarrStream(path, DESCRIPTION)
    for _ in range(5):
        stream.append(np.zeros((16, 24), np.uint16))
    stream.close(interval_s=0.013)
    movie = open_recording(path)
    assert (len(movie), movie.interval_s, movie.pixel_um) == (5, 0.013, 0.5)


def test_nothing_waits_in_memory_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    path = tmp_path / "frames.ome.zarr"
    stream, image = ZarrStream(path, DESCRIPTION), np.ones((16, 24), np.uint16)
    stream.append(image)
    assert (length(path), stream.pending) == (1, 0)
    for _ in range(3):
        stream.append(image)
    assert (length(path), stream.pending) == (1, 3)
    now_s += 2.0
    stream.append(image)
    assert (length(path), stream.pending) == (5, 0)


def test_a_folder_that_vanishes_is_an_error_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "frames.ome.zarr"
    stream, image = ZarrStream(path, DESCRIPTION), np.ones((16, 24), np.uint16)
    for _ in range(3):
        stream.append(image)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="has vanished"):
        stream.close()
    assert stream.pending == 2
    assert length(tmp_path / "elsewhere") == 1
