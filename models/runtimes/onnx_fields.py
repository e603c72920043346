"""Reads what stands in an ONNX file, without the libraries for it and without the weights.

Fields have the numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, and are encoded
as in https://protobuf.dev/programming-guides/encoding.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_GRAPH, _METADATA = 7, 14
"""Of a ModelProto: ``graph`` and ``metadata_props``."""
_INITIALIZER = 5
"""Of a GraphProto: a TensorProto of weights."""
_EXTERNAL_DATA = 13
"""Of a TensorProto: ``external_data``, entries that say in which file its numbers are."""
_VARINT, _EIGHT_BYTES, _COUNTED, _FOUR_BYTES = 0, 1, 2, 5
"""Wire types of protocol buffers."""


class OnnxContents(NamedTuple):
    """What an ONNX file says of itself.

    Attributes
    ----------
    metadata : dict of str to str
    outside : tuple of str
        Other files that hold its weights, relative to its folder.
    """

    metadata: dict[str, str]
    outside: tuple[str, ...]


def read_onnx(path: Path) -> OnnxContents:
    """Read an ONNX file; OSError if that fails, ValueError or IndexError if it is cut off."""
    metadata: dict[str, str] = {}
    outside: dict[str, None] = {}
    has_graph = False
    with path.open("rb") as file:
        for number, stop in _fields(file, os.fstat(file.fileno()).st_size):
            if number == _METADATA:
                key, metadata[key] = _entry(file, stop)
            elif number == _GRAPH:
                has_graph = True
                outside.update(dict.fromkeys(_locations(file, stop)))
    if not has_graph:
        raise ValueError("there is no graph in it")
    return OnnxContents(metadata, tuple(outside))


def _locations(file: BinaryIO, end: int) -> Iterator[str]:
    """Names of the files in which weights of a GraphProto are."""
    for number, stop in _fields(file, end):
        if number == _INITIALIZER:
            for inner, inner_stop in _fields(file, stop):
                if inner == _EXTERNAL_DATA:
                    key, value = _entry(file, inner_stop)
                    if key == "location":
                        yield value


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Go through the fields of a message, but for whole numbers: number, and where it ends.

    While one is given, the file stands where its value begins.
    """
    while file.tell() < end:
        tag = _varint(file)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _varint(file)
            continue
        fixed = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire, end)
        size = _varint(file) if wire == _COUNTED else fixed
        stop = file.tell() + size
        if stop > end:
            raise ValueError("a field reaches beyond the end")
        yield number, stop
        file.seek(stop)


def _varint(file: BinaryIO) -> int:
    value = shift = 0
    while True:
        byte = file.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


def _entry(file: BinaryIO, end: int) -> tuple[str, str]:
    """Read a StringStringEntryProto: key (1) and value (2)."""
    texts = {1: "", 2: ""}
    for number, stop in _fields(file, end):
        texts[number] = file.read(stop - file.tell()).decode()
    return texts[1], texts[2]
