"""Movies of any axes, types, units and compressions, written by other libraries, are read right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from ome_writers import AcquisitionSettings, Dimension, OmeZarrFormat, create_stream
from pursuit.models.images import Choice, Recording, open_recording

LENGTHS = {"T": 4, "Z": 3, "C": 2}
TYPES = st.sampled_from([np.uint8, np.uint16, np.int16, np.float32, ">u2"])
LONG = st.sampled_from(["", "T", "Z", "C", "TZ", "TC", "ZC", "TZC"])
PIXEL_UM, INTERVAL_S = st.floats(0.01, 10), st.floats(1e-4, 1e4)
LENGTH_UNITS = {"nm": 1e-3, "µm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6, "Å": 1e-4, "inch": 25_400.0}
TIME_UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
WORDS = {
    **{"nm": "nanometer", "µm": "micrometer", "mm": "millimeter", "cm": "centimeter"},
    **{"m": "meter", "Å": "angstrom", "inch": "inch"},
    **{"µs": "microsecond", "ms": "millisecond", "s": "second", "min": "minute", "h": "hour"},
    "d": "day",
}
"""Units as OME-Zarr names them."""


def some_pixels(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return np.random.default_rng(3).integers(0, 250, (*shape, 20, 30)).astype(dtype)


def shape_of(axes: str, long: str) -> tuple[int, ...]:
    return tuple(LENGTHS[axis] if axis in long else 1 for axis in axes)


def check_read_back(
    path: Path, pixels: NDArray[Any], axes: str, long: str, scales: tuple[float, float | None]
) -> None:
    """Of what was written, one channel and plane at each time; a stack alone is a movie."""
    has_planes = "Z" in long and "T" in long
    choice = Choice(channel=1 if "C" in long else None, plane=2 if has_planes else None)
    movie = open_recording(path, choice=choice)
    chosen = np.moveaxis(pixels, [axes.index(a) for a in "TZC"], [0, 1, 2])[:, :, -1]
    wanted = chosen[:, -1] if has_planes else chosen.reshape(-1, 20, 30)
    np.testing.assert_array_equal(frames_of(movie), wanted)
    pixel_um, interval_s = scales
    assert movie.pixel_um == pytest.approx(pixel_um, rel=1e-5)
    if interval_s is not None and "T" in long:
        assert movie.interval_s == pytest.approx(interval_s, rel=1e-5)


def frames_of(movie: Recording) -> NDArray[Any]:
    return np.stack([movie[index] for index in range(len(movie))])


@settings(max_examples=60, deadline=None)
@given(
    axes=st.permutations("TZC").map("".join),
    long=LONG,
    dtype=TYPES,
    compression=st.sampled_from([None, "zlib", "lzw", "zstd"]),
    pixel_um=PIXEL_UM,
    interval_s=INTERVAL_S,
    units=st.tuples(st.sampled_from([*LENGTH_UNITS]), st.sampled_from([*TIME_UNITS])),
)
def test_ome_tiff_by_tifffile(
    tmp_path_factory: pytest.TempPathFactory,
    axes: str,
    long: str,
    dtype: Any,
    compression: str | None,
    pixel_um: float,
    interval_s: float,
    units: tuple[str, str],
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ome.tif"
    pixels = some_pixels(shape_of(axes, long), dtype)
    length, time = units
    size = pixel_um / LENGTH_UNITS[length]
    about = {
        **{"axes": f"{axes}YX", "PhysicalSizeX": size, "PhysicalSizeY": size},
        **{"PhysicalSizeXUnit": length, "PhysicalSizeYUnit": length},
        **{"TimeIncrement": interval_s / TIME_UNITS[time], "TimeIncrementUnit": time},
    }
    tifffile.imwrite(path, pixels, compression=compression, metadata=about, ome=True)
    check_read_back(path, pixels, axes, long, (pixel_um, interval_s))


@settings(max_examples=40, deadline=None)
@given(
    long=LONG,
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    pixel_um=PIXEL_UM,
    interval_s=INTERVAL_S,
    unit=st.sampled_from(["nm", "micron", "um", "mm", "cm"]),
)
def test_imagej_by_tifffile(
    tmp_path_factory: pytest.TempPathFactory,
    long: str,
    dtype: Any,
    pixel_um: float,
    interval_s: float,
    unit: str,
) -> None:
    """What has planes and no times keeps its spacing of planes for itself."""
    path = tmp_path_factory.getbasetemp() / "any.tif"
    pixels = some_pixels(shape_of("TZC", long), dtype)
    an_um = 1 / {**LENGTH_UNITS, "micron": 1.0, "um": 1.0}[unit]
    about = {"axes": "TZCYX", "unit": unit, "finterval": interval_s}
    edge = 1 / (pixel_um * an_um)
    tifffile.imwrite(path, pixels, imagej=True, resolution=(edge, edge), metadata=about)
    check_read_back(path, pixels, "TZC", long, (pixel_um, interval_s))


@settings(max_examples=40, deadline=None)
@given(
    axes=st.permutations("TZC").map("".join),
    long=LONG.filter(bool),
    dtype=st.sampled_from([np.uint8, np.uint16, np.int16, np.float32]),
    compression=st.sampled_from(["blosc-zstd", "blosc-lz4", "zstd", "none"]),
    pixel_um=PIXEL_UM,
    interval_s=INTERVAL_S,
    units=st.tuples(st.sampled_from([*LENGTH_UNITS]), st.sampled_from([*TIME_UNITS])),
    shards=st.booleans(),
)
def test_ome_zarr_by_ome_writers(
    tmp_path_factory: pytest.TempPathFactory,
    axes: str,
    long: str,
    dtype: Any,
    compression: Any,
    pixel_um: float,
    interval_s: float,
    units: tuple[str, str],
    shards: bool,
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.ome.zarr"
    axes = "".join(axis for axis in axes if axis in long)
    pixels = some_pixels(shape_of(axes, long), dtype)
    length, time = units
    space: Any = {
        **{"type": "space", "unit": WORDS[length]},
        "scale": pixel_um / LENGTH_UNITS[length],
    }
    kinds: dict[str, Any] = {
        "T": {"type": "time", "unit": WORDS[time], "scale": interval_s / TIME_UNITS[time]},
        "C": {"type": "channel"},
        "Z": space,
    }
    shard = 2 if shards else None
    dimensions: Any = [
        *(Dimension(name=axis.lower(), count=LENGTHS[axis], **kinds[axis]) for axis in axes),
        Dimension(name="y", count=20, chunk_size=10, shard_size_chunks=shard, **space),
        Dimension(name="x", count=30, chunk_size=30, **space),
    ]
    settings = AcquisitionSettings(
        root_path=str(path),
        dimensions=dimensions,
        dtype=np.dtype(dtype).name,
        compression=compression,
        format=OmeZarrFormat(backend="tensorstore"),
    )
    with create_stream(settings) as stream:
        for frame in pixels.reshape(-1, 20, 30):
            stream.append(frame)
    missing = [axis for axis in "TZC" if axis not in axes]
    whole = pixels.reshape(*[1] * len(missing), *pixels.shape)
    check_read_back(path, whole, "".join(missing) + axes, long, (pixel_um, interval_s))
