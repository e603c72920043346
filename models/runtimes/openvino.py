"""OpenVINO: the fastest on a CPU, and for Intel GPUs."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError, ModelError
from .files import (
    cache_folder,
    check_file,
    check_input,
    checked,
    damaged,
    not_understood,
    sentence,
    wrong_size,
)
from .runtime import Pixels, RunOptions, Runtime, Tensor

if TYPE_CHECKING:
    import openvino

KEPT_SIZES = 8
"""Input sizes that stay compiled. Chosen: the window sizes of a detector, a tile and some spare."""

PIXELS_PER_THREAD = 128 * 128
"""Least share of a thread. Chosen: more threads wait for one another longer than they compute."""

UNPINNED = {"NUM_STREAMS": "0", "ENABLE_CPU_PINNING": False}
"""Compute in the calling thread, on any core: one that is pinned to a core waits for it as long
as another process has it, which can take longer than the computation."""

_FAILURES = (RuntimeError, UnicodeError)
"""What the bindings raise; the second where a message quotes bytes of a damaged file."""


def unavailable() -> str:
    """Say why it cannot be used, empty if it can."""
    return "" if find_spec("openvino") else "not installed: pip install openvino"


class OpenVinoRuntime(Runtime):
    """A network in OpenVINO, compiled for each size of input: faster than for any size.

    CPUs with matrix units compute in bfloat16 unless the options ask for exactness. On a YOLO26n
    that took 0.6 of the time at 320 × 320 and half of it at 512 × 512, and moved the centres of
    nuclei by 0.03 px in the median, scores by 0.001.
    """

    name = "openvino"

    def __init__(self, path: Path, run_options: RunOptions) -> None:
        import openvino

        check_file(path)
        self._ov = openvino
        self._core = openvino.Core()
        self._core.set_property({"CACHE_DIR": str(cache_folder() / "openvino")})
        self._target = _device(self._core, run_options.device)
        self._model = _read(self._core, path)
        self._exact = run_options.exact
        self.inputs, self.outputs = _tensors(self._model.inputs), _tensors(self._model.outputs)
        kinds = [port.element_type.get_type_name() for port in self._model.inputs]
        check_input(path, self.inputs, "".join(kinds[:1]))
        self.device = self._describe()
        self._compiled = lru_cache(KEPT_SIZES)(self._compile)

    def run(self, pixels: Pixels) -> list[NDArray]:
        """Compute all outputs of an input (1, channels, height, width), 0 to 1."""
        pixels = checked(pixels, self.inputs[0])
        request, into = self._compiled(*pixels.shape[2:])
        np.copyto(into, pixels)
        try:
            request.infer()
        except _FAILURES as error:
            raise DeviceError(f"openvino failed on {self.device}: {sentence(error)}") from error
        return [request.get_output_tensor(i).data for i in range(len(self.outputs))]

    def close(self) -> None:
        """Free what was compiled."""
        self._compiled.cache_clear()

    def _compile(self, height: int, width: int) -> tuple[openvino.InferRequest, Pixels]:
        """Return a request and its own input array, which is written to without a copy."""
        model = self._model.clone()
        try:
            model.reshape([1, self.inputs[0].shape[1], height, width])
        except _FAILURES as error:
            raise wrong_size(height, width) from error
        try:
            compiled = self._core.compile_model(model, self._target, self._hints(height * width))
            request = compiled.create_infer_request()
        except _FAILURES as error:
            raise DeviceError(
                f"openvino cannot compile for {self._target}: {sentence(error)}"
            ) from error
        return request, request.get_input_tensor().data

    def _hints(self, pixels: int) -> dict[str, Any]:
        hints: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if self._exact:
            hints["INFERENCE_PRECISION_HINT"] = "f32"
        if self._target != "CPU":
            return hints
        threads = max(1, pixels // PIXELS_PER_THREAD)
        if threads <= max(1, (os.cpu_count() or 1) // 2):
            hints["INFERENCE_NUM_THREADS"] = threads
        return hints | UNPINNED

    def _describe(self) -> str:
        name = self._core.get_property(self._target, "FULL_DEVICE_NAME").strip()
        default = self._core.get_property(self._target, "INFERENCE_PRECISION_HINT")
        precision = "f32" if self._exact else default.to_string()
        return f"{self._target} ({name}, {precision})"


open_model = OpenVinoRuntime


def _device(core: openvino.Core, wanted: str) -> str:
    """Return the device asked for; else a GPU that is not part of the processor; else the CPU."""
    devices: list[str] = core.available_devices
    if not wanted:
        graphics = [device for device in devices if device.startswith("GPU")]
        own = [gpu for gpu in graphics if "DISCRETE" in str(core.get_property(gpu, "DEVICE_TYPE"))]
        return own[0] if own else "CPU"
    if wanted.upper() not in (*devices, "GPU" if "GPU.0" in devices else "CPU"):
        raise ModelError(f"openvino finds no device {wanted!r}; it has: {', '.join(devices)}")
    return wanted.upper()


def _read(core: openvino.Core, path: Path) -> openvino.Model:
    try:
        return core.read_model(path)
    except _FAILURES as error:
        if "No conversion rule" in str(error) or "OpConversion" in str(error):
            raise not_understood(path, "openvino", sentence(error)) from error
        raise damaged(path) from error


def _tensors(ports: list[Any]) -> tuple[Tensor, ...]:
    return tuple(Tensor(port.any_name, _shape(port.partial_shape)) for port in ports)


def _shape(shape: openvino.PartialShape) -> tuple[int, ...]:
    if shape.rank.is_dynamic:
        return ()
    return tuple(-1 if size.is_dynamic else size.get_length() for size in shape)
