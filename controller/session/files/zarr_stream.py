"""Pixels on the disk: an OME-Zarr array that grows by planes, in shards, losslessly compressed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from ....drivers.messages import Description, Image
from ...configuration import written_whole

_SHARD_BYTES = 32 * 1024**2
"""Pixels in a file. Chosen: a thousandth of the files of before, and little to hold in memory."""
_MOST_IN_SHARD = 500
"""Planes in a file. Chosen: half a second of the fastest cameras, whose rows wait for them."""
_WHOLE_S = 2.0
"""How long pixels may wait in memory for a file to be full. Chosen: what a process that is killed
may lose, and seldom enough for files that are written twice."""
_MOST_PLANES = 2**40
"""Length that the array is taken to have while it is written; what it has is in its metadata."""
_TRIES, _PAUSE_S = 20, 0.05
"""How often and after which pauses a file is replaced that somebody reads: Windows refuses it then.
Chosen: small files are read in less."""
_CODEC = {"cname": "zstd", "clevel": 1, "shuffle": "bitshuffle"}
"""Of blosc. Measured on simulated frames, T cells and 2048 x 2048 of photons: to 0.45, 0.76 and
0.44 of the size, at 120 to 260 MB/s on two busy cores, as fast as without."""


class ZarrStream:
    """Create an OME-Zarr 0.5 of (t, y, x) with physical scales, to which planes are appended.

    A shard holds many planes, each of which can be read alone. It is written as soon as it is
    full, and in any case `_WHOLE_S` after the last one; its length is told once its pixels are
    there, so that an interrupted process leaves a shorter movie, and no black end.

    Parameters
    ----------
    path : Path
        Of the folder to make.
    description : Description
        The microscope: size and type of the frames, and their scales.
    """

    def __init__(self, path: Path, description: Description) -> None:
        import tensorstore  # here, as it takes long, and most processes record nothing

        plane = description.height_px, description.width_px
        plane_bytes = int(np.prod(plane)) * np.dtype(description.dtype).itemsize
        self._path, self._description = path, description
        self._planes = min(max(_SHARD_BYTES // max(plane_bytes, 1), 1), _MOST_IN_SHARD)
        self._waiting: list[Image] = []
        self._written, self._written_s = 0, -np.inf
        (path / "0").mkdir(parents=True)
        self._write_group(description.interval_ms / 1e3)
        self._write_length()
        self._array: Any = tensorstore.open(
            {
                "driver": "zarr3",
                "kvstore": {"driver": "file", "path": (path / "0").as_posix()},
                "metadata": self._metadata(_MOST_PLANES),
                "store_data_equal_to_fill_value": True,
            },
            open=True,
            assume_metadata=True,
        ).result()

    @property
    def pending(self) -> int:
        """Planes that were taken and are not on the disk."""
        return len(self._waiting)

    def append(self, frame: Image) -> None:
        """Take the next plane, which must not be changed afterwards; write what is due.

        If that fails the plane is not taken, and those before it wait for the end.
        """
        self._waiting.append(frame)
        is_full = (self._written + len(self._waiting)) % self._planes == 0
        if is_full or time.monotonic() - self._written_s >= _WHOLE_S:
            try:
                self._flush()
            except BaseException:
                self._waiting.pop()
                raise

    def close(self, interval_s: float | None = None) -> None:
        """Bring everything to the disk; tell the time between planes, if it was measured."""
        self._flush()
        if interval_s is not None:
            self._write_group(interval_s)

    def _flush(self) -> None:
        if not self._waiting:
            return
        if not (self._path / "0" / "zarr.json").exists():
            raise FileNotFoundError(f"the folder {self._path} has vanished")
        end = self._written + len(self._waiting)
        self._array[self._written : end].write(np.stack(self._waiting)).result()
        self._written, self._written_s = end, time.monotonic()
        self._waiting = []
        self._write_length()

    def _write_length(self) -> None:
        self._write(self._path / "0", self._metadata(self._written))

    def _metadata(self, planes: int) -> dict[str, Any]:
        plane = [self._description.height_px, self._description.width_px]
        little = {"name": "bytes", "configuration": {"endian": "little"}}
        size = np.dtype(self._description.dtype).itemsize
        blosc = {"name": "blosc", "configuration": {**_CODEC, "typesize": size, "blocksize": 0}}
        sharding = {
            "chunk_shape": [1, *plane],
            "codecs": [little, blosc],
            "index_codecs": [little, {"name": "crc32c"}],
            "index_location": "end",
        }
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [planes, *plane],
            "data_type": self._description.dtype,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": [self._planes, *plane]},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "dimension_names": ["t", "y", "x"],
        }

    def _write_group(self, interval_s: float) -> None:
        space = {"type": "space", "unit": "micrometer"}
        scale = [interval_s, self._description.pixel_um, self._description.pixel_um]
        image = {
            "axes": [
                {"name": "t", "type": "time", "unit": "second"},
                {"name": "y", **space},
                {"name": "x", **space},
            ],
            "datasets": [
                {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
            ],
        }
        ome = {"version": "0.5", "multiscales": [image]}
        group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
        self._write(self._path, group)

    def _write(self, folder: Path, metadata: dict[str, Any]) -> None:
        for left in reversed(range(_TRIES)):
            try:
                with written_whole(folder / "zarr.json") as (path,):
                    path.write_text(json.dumps(metadata, indent=2), encoding="utf-8")
                return
            except PermissionError:
                if not left:
                    raise
                time.sleep(_PAUSE_S)
