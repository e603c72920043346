"""Runs the network of a learned predictor with OpenVINO: one object fast, or any number."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DeviceError, ModelError
from ...runtimes import UNPINNED, cache_folder, check_file, damaged, sentence

if TYPE_CHECKING:
    import openvino

    Pair = tuple[openvino.CompiledModel, openvino.CompiledModel]

Rows = NDArray[np.float32]

_MEASUREMENT = 4
"""Columns: displacement in x and y in µm, time in frames, stated variance in µm²."""
_MOMENTS = 5
"""Columns: displacement in x and y in µm, variance of x, covariance, variance of y in µm²."""
_BLOCK = 64
"""Objects that are computed together. Chosen: a crowd takes few calls, few objects waste little."""
_INPUTS = {"before", "sighting", "now", "frames"}
_OUTPUTS = {"after", "outlook"}
"""Names in the ONNX file; a ``sighting`` is a measurement, an ``outlook`` the moments."""
_HINTS = {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_NUM_THREADS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
    **UNPINNED,
}
"""For OpenVINO: such a small network is fastest on one thread, and exact."""


class RecurrentNetwork:
    """How a measurement changes an object's row of numbers, and what a row predicts.

    The ONNX file has two parts that share no node, for any number B of objects: ``before``
    (B, width) and ``sighting`` (B, 4) give ``after`` (B, width); ``now`` (B, width) and
    ``frames`` (B, 1) give ``outlook`` (B, 5). Each is compiled for one object and for a block
    of them, as with free shapes OpenVINO takes several times as long.

    Attributes
    ----------
    width : int
        Numbers in a row. A row of zeros is an object that was never measured.
    update : callable
        Turns rows, (K, width), and measurements, (K, 4), into the rows after them.
    predict : callable
        Turns rows and so many frames, (K, 1), after the last measurements into moments, (K, 5).

    Raises
    ------
    ModelError
        If ``path`` is no such file, or OpenVINO is missing.
    """

    def __init__(self, path: Path) -> None:
        check_file(path)
        self.width, update, predict = _compiled(path, path.stat().st_mtime_ns)
        self.update, self.predict = _Part(*update), _Part(*predict)


class _Part:
    """One of the outputs, computed from two inputs."""

    def __init__(self, one: openvino.CompiledModel, block: openvino.CompiledModel) -> None:
        self._one, self._block = _Request(one), _Request(block)

    def __call__(self, first: Rows, second: Rows) -> Rows:
        """Compute the output; it may be overwritten by the next call."""
        if len(first) == 1:
            return self._one(first, second)
        answers = np.empty((len(first), self._one.answer.shape[1]), np.float32)
        for start in range(0, len(first), _BLOCK):
            block = slice(start, start + _BLOCK)
            count = len(first[block])
            answers[block] = self._block(first[block], second[block])[:count]
        return answers


class _Request:
    """A compiled part with input and output arrays of its own."""

    def __init__(self, compiled: openvino.CompiledModel) -> None:
        self._request = compiled.create_infer_request()
        self._first, self._second = (self._request.get_input_tensor(i).data for i in (0, 1))
        self._first[:] = self._second[:] = 0.0
        self.answer = self._request.get_output_tensor(0).data

    def __call__(self, first: Rows, second: Rows) -> Rows:
        """Compute the output, of which only as many rows as were given are valid."""
        self._first[: len(first)] = first
        self._second[: len(second)] = second
        try:
            self._request.infer()
        except RuntimeError as error:
            raise DeviceError(f"openvino failed on the CPU: {sentence(error)}") from error
        return self.answer


@lru_cache(maxsize=4)
def _compiled(path: Path, changed_ns: int) -> tuple[int, Pair, Pair]:
    """Compile a file as of its last change: width of a row; both parts, for one and for a block."""
    try:
        ov: Any = import_module("openvino")
    except ImportError as error:
        raise ModelError(
            "a learned predictor needs openvino, which is not installed: pip install openvino"
        ) from error
    core = ov.Core()
    core.set_property({"CACHE_DIR": str(cache_folder() / "openvino")})
    try:
        model = core.read_model(path)
    except (RuntimeError, UnicodeError) as error:
        raise damaged(path) from error
    width = _row_width(path, model)

    def part(output: str, inputs: tuple[str, str], count: int) -> openvino.CompiledModel:
        copied = model.clone()
        nodes = {port.any_name: port.get_node() for port in copied.inputs}
        cut = ov.Model([copied.output(output).get_node()], [nodes[name] for name in inputs])
        cut.reshape({i: [count, port.partial_shape[1]] for i, port in enumerate(cut.inputs)})
        return core.compile_model(cut, "CPU", _HINTS)

    parts = ("after", ("before", "sighting")), ("outlook", ("now", "frames"))
    update, predict = ((part(*one, 1), part(*one, _BLOCK)) for one in parts)
    return width, update, predict


def _row_width(path: Path, model: openvino.Model) -> int:
    """Return the width of a row; ModelError if the network is not that of a predictor."""
    inputs = {port.any_name: port.partial_shape for port in model.inputs}
    outputs = {port.any_name: port.partial_shape for port in model.outputs}
    if set(inputs) != _INPUTS or set(outputs) != _OUTPUTS:
        raise ModelError(
            f"the file {path.name} is not a predictor: give one that `pursuit train predictor` "
            "wrote"
        )
    width = inputs["before"][1].get_length()
    fits = inputs["sighting"][1] == _MEASUREMENT and outputs["outlook"][1] == _MOMENTS
    if not fits or inputs["now"][1] != width:
        raise ModelError(f"the file {path.name} is a predictor of another version: train it again")
    return width
